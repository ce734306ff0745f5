// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weight gradient of a depthwise convolution.
func.func @weights(%x: tensor<4x20x20x32xf32>, %d: tensor<4x20x20x32xf32>) -> tensor<3x3x1x32xf32>
    attributes {fluxion.entry} {
  %w = fluxion.convolution %x, %d {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>,
    lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 3, 0, 1, 2>,
    kernel_dims = array<i64: 3, 0, 1, 2>, output_dims = array<i64: 2, 3, 0, 1>, batch_group_count = 32 : i64}
    : (tensor<4x20x20x32xf32>, tensor<4x20x20x32xf32>) -> tensor<3x3x1x32xf32>
  return %w : tensor<3x3x1x32xf32>
}
