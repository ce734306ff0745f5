// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All op families, for code that handles most of them; prefer the one family you need.
#pragma once

#include "ir/ops/Contraction.h"
#include "ir/ops/Control.h"
#include "ir/ops/Convolution.h"
#include "ir/ops/Elementwise.h"
#include "ir/ops/Indexing.h"
#include "ir/ops/Nn.h"
#include "ir/ops/Random.h"
#include "ir/ops/Reduction.h"
#include "ir/ops/Shape.h"
#include "ir/ops/Update.h"
