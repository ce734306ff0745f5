// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All families, for the dialect's documentation and op list.
include "ir/ops/Elementwise.td"
include "ir/ops/Contraction.td"
include "ir/ops/Convolution.td"
include "ir/ops/Reduction.td"
include "ir/ops/Shape.td"
include "ir/ops/Indexing.td"
include "ir/ops/Random.td"
include "ir/ops/Nn.td"
include "ir/ops/Control.td"
include "ir/ops/Update.td"
