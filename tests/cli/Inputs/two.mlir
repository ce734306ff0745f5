// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @product(%x: tensor<2x3xf32> {fluxion.name = "x"}, %w: tensor<3x2xf32> {fluxion.name = "w"}) -> (tensor<2x2xf32> {fluxion.name = "y"}) {
  %y = fluxion.dot_general %x, %w contracting [1] x [0] : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
func.func @difference(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {
  %z = fluxion.sub %x, %y : tensor<2xf64>
  return %z : tensor<2xf64>
}
