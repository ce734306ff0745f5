// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/Dialect.h"

#define GET_OP_CLASSES
#include "ir/ops/Reduction.h.inc"
