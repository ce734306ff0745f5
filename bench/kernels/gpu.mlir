// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that bench/gpu.py times on a GPU and compares with the CPU's.
func.func @map_64Mi(%x: tensor<8192x4096xf32>, %y: tensor<8192x4096xf32>) -> tensor<8192x4096xf32> {
  %0 = fluxion.mul %x, %y : tensor<8192x4096xf32>
  %1 = fluxion.add %0, %y : tensor<8192x4096xf32>
  return %1 : tensor<8192x4096xf32>
}
func.func @softmax_8192x4096(%x: tensor<8192x4096xf32>) -> tensor<8192x4096xf32> {
  %0 = fluxion.softmax %x dim 1 : tensor<8192x4096xf32>
  return %0 : tensor<8192x4096xf32>
}
func.func @transpose_4096(%x: tensor<4096x4096xf32>) -> tensor<4096x4096xf32> {
  %0 = fluxion.transpose %x [1, 0] : (tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}
func.func @row_sums_8192x4096(%x: tensor<8192x4096xf32>) -> tensor<8192xf32> {
  %0 = fluxion.reduce sum %x dims [1] : (tensor<8192x4096xf32>) -> tensor<8192xf32>
  return %0 : tensor<8192xf32>
}
func.func @column_sums_8192x4096(%x: tensor<8192x4096xf32>) -> tensor<4096xf32> {
  %0 = fluxion.reduce sum %x dims [0] : (tensor<8192x4096xf32>) -> tensor<4096xf32>
  return %0 : tensor<4096xf32>
}
func.func @matmul_128x512x784(%x: tensor<128x784xf32>, %y: tensor<512x784xf32>) -> tensor<128x512xf32> {
  %0 = fluxion.dot_general %x, %y contracting [1] x [1] : (tensor<128x784xf32>, tensor<512x784xf32>) -> tensor<128x512xf32>
  return %0 : tensor<128x512xf32>
}
func.func @matmul_2048(%x: tensor<2048x2048xf32>, %y: tensor<2048x2048xf32>) -> tensor<2048x2048xf32> {
  %0 = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<2048x2048xf32>, tensor<2048x2048xf32>) -> tensor<2048x2048xf32>
  return %0 : tensor<2048x2048xf32>
}
