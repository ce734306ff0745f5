// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All of Fluxion's front end.
#pragma once

#include "fluxion/Layer.h"
#include "fluxion/Program.h"
#include "fluxion/Tensor.h"
#include "fluxion/compile.h"
#include "fluxion/nn.h"
#include "fluxion/optim.h"
