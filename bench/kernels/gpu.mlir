// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that bench/gpu.py times on a GPU and compares with the CPU's. Memory moves other amounts a
// second where half of them are writes than where a third is: scale_32Mi stands for copies, rows and
// transposes, map_64Mi for what reads two arrays for one that it writes.
func.func @scale_32Mi(%x: tensor<8192x4096xf32>) -> tensor<8192x4096xf32> {
  %two = fluxion.constant dense<2.0> : tensor<8192x4096xf32>
  %0 = fluxion.mul %x, %two : tensor<8192x4096xf32>
  return %0 : tensor<8192x4096xf32>
}
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
func.func @softmax_grad_8192x4096(%x: tensor<8192x4096xf32>, %d: tensor<8192x4096xf32>) -> tensor<8192x4096xf32> {
  %r:2 = fluxion.vjp(%x) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<8192x4096xf32>):
    %y = fluxion.softmax %a dim 1 : tensor<8192x4096xf32>
    fluxion.yield %y : tensor<8192x4096xf32>
  } : (tensor<8192x4096xf32>, tensor<8192x4096xf32>) -> (tensor<8192x4096xf32>, tensor<8192x4096xf32>)
  return %r#1 : tensor<8192x4096xf32>
}
func.func @layer_norm_8192x4096(%x: tensor<8192x4096xf32>, %s: tensor<4096xf32>, %o: tensor<4096xf32>) -> tensor<8192x4096xf32> {
  %y = fluxion.layer_norm %x, %s, %o {epsilon = 0.00001 : f64} : tensor<8192x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
  return %y : tensor<8192x4096xf32>
}
func.func @layer_norm_grad_8192x4096(%x: tensor<8192x4096xf32>, %s: tensor<4096xf32>, %o: tensor<4096xf32>, %d: tensor<8192x4096xf32>) -> (tensor<8192x4096xf32>, tensor<4096xf32>, tensor<4096xf32>) {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<8192x4096xf32>, %c: tensor<4096xf32>, %e: tensor<4096xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<8192x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
    fluxion.yield %y : tensor<8192x4096xf32>
  } : (tensor<8192x4096xf32>, tensor<4096xf32>, tensor<4096xf32>, tensor<8192x4096xf32>) -> (tensor<8192x4096xf32>, tensor<8192x4096xf32>, tensor<4096xf32>, tensor<4096xf32>)
  return %r#1, %r#2, %r#3 : tensor<8192x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
}
func.func @batch_norm_128x64x56x56(%x: tensor<128x64x56x56xf32>, %s: tensor<64xf32>, %o: tensor<64xf32>) -> (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>)
  return %y#0, %y#1, %y#2 : tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>
}
func.func @batch_norm_grad_128x64x56x56(%x: tensor<128x64x56x56xf32>, %s: tensor<64xf32>, %o: tensor<64xf32>, %d: tensor<128x64x56x56xf32>) -> (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>) {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<128x64x56x56xf32>, %c: tensor<64xf32>, %e: tensor<64xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>
  } : (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>, tensor<128x64x56x56xf32>) -> (tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>, tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>)
  return %r#3, %r#4, %r#5 : tensor<128x64x56x56xf32>, tensor<64xf32>, tensor<64xf32>
}
func.func @nchw_to_nhwc_128x64x56x56(%x: tensor<128x64x56x56xf32>) -> tensor<128x56x56x64xf32> {
  %y = fluxion.transpose %x [0, 2, 3, 1] : (tensor<128x64x56x56xf32>) -> tensor<128x56x56x64xf32>
  return %y : tensor<128x56x56x64xf32>
}
func.func @nhwc_to_nchw_128x64x56x56(%x: tensor<128x56x56x64xf32>) -> tensor<128x64x56x56xf32> {
  %y = fluxion.transpose %x [0, 3, 1, 2] : (tensor<128x56x56x64xf32>) -> tensor<128x64x56x56xf32>
  return %y : tensor<128x64x56x56xf32>
}
// The gradient of an embedding: rows of positions added into the rows of a table.
func.func @scatter_8192_into_32768x768(%x: tensor<32768x768xf32>, %i: tensor<8192xi32>, %u: tensor<8192x768xf32>) -> tensor<32768x768xf32> {
  %y = fluxion.scatter %x, %i, %u axis 0 : tensor<32768x768xf32>, tensor<8192xi32>, tensor<8192x768xf32>
  return %y : tensor<32768x768xf32>
}
func.func @depthwise_64x128x56x56(%x: tensor<64x128x56x56xf32>, %k: tensor<128x1x3x3xf32>) -> tensor<64x128x56x56xf32> {
  %y = fluxion.convolution %x, %k {feature_group_count = 128 : i64, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, output_dims = array<i64: 0, 1, 2, 3>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<64x128x56x56xf32>, tensor<128x1x3x3xf32>) -> tensor<64x128x56x56xf32>
  return %y : tensor<64x128x56x56xf32>
}
// AdamW as one map over flat state.
func.func @adamw_124M(%p: tensor<124439808xf32>, %g: tensor<124439808xf32>, %m: tensor<124439808xf32>, %v: tensor<124439808xf32>) -> (tensor<124439808xf32>, tensor<124439808xf32>, tensor<124439808xf32>) {
  %b1s = fluxion.constant dense<0.9> : tensor<f32>
  %b1 = fluxion.broadcast_in_dim %b1s dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %c1s = fluxion.constant dense<0.1> : tensor<f32>
  %c1 = fluxion.broadcast_in_dim %c1s dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %b2s = fluxion.constant dense<0.999> : tensor<f32>
  %b2 = fluxion.broadcast_in_dim %b2s dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %c2s = fluxion.constant dense<0.001> : tensor<f32>
  %c2 = fluxion.broadcast_in_dim %c2s dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %epss = fluxion.constant dense<1.0e-8> : tensor<f32>
  %eps = fluxion.broadcast_in_dim %epss dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %k1s = fluxion.constant dense<9.5> : tensor<f32>
  %k1 = fluxion.broadcast_in_dim %k1s dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %k2s = fluxion.constant dense<950.5> : tensor<f32>
  %k2 = fluxion.broadcast_in_dim %k2s dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %wds = fluxion.constant dense<0.01> : tensor<f32>
  %wd = fluxion.broadcast_in_dim %wds dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %lrs = fluxion.constant dense<0.001> : tensor<f32>
  %lr = fluxion.broadcast_in_dim %lrs dims [] : (tensor<f32>) -> tensor<124439808xf32>
  %m1 = fluxion.mul %m, %b1 : tensor<124439808xf32>
  %m2 = fluxion.mul %g, %c1 : tensor<124439808xf32>
  %mn = fluxion.add %m1, %m2 : tensor<124439808xf32>
  %gg = fluxion.mul %g, %g : tensor<124439808xf32>
  %v1 = fluxion.mul %v, %b2 : tensor<124439808xf32>
  %v2 = fluxion.mul %gg, %c2 : tensor<124439808xf32>
  %vn = fluxion.add %v1, %v2 : tensor<124439808xf32>
  %mh = fluxion.mul %mn, %k1 : tensor<124439808xf32>
  %vh = fluxion.mul %vn, %k2 : tensor<124439808xf32>
  %av = fluxion.abs %vh : tensor<124439808xf32>
  %sq = fluxion.sqrt %av : tensor<124439808xf32>
  %de = fluxion.add %sq, %eps : tensor<124439808xf32>
  %ra = fluxion.div %mh, %de : tensor<124439808xf32>
  %pw = fluxion.mul %p, %wd : tensor<124439808xf32>
  %up = fluxion.add %ra, %pw : tensor<124439808xf32>
  %st = fluxion.mul %up, %lr : tensor<124439808xf32>
  %pn = fluxion.sub %p, %st : tensor<124439808xf32>
  return %pn, %mn, %vn : tensor<124439808xf32>, tensor<124439808xf32>, tensor<124439808xf32>
}
func.func @matmul_128x512x784(%x: tensor<128x784xf32>, %y: tensor<512x784xf32>) -> tensor<128x512xf32> {
  %0 = fluxion.dot_general %x, %y contracting [1] x [1] : (tensor<128x784xf32>, tensor<512x784xf32>) -> tensor<128x512xf32>
  return %0 : tensor<128x512xf32>
}
func.func @matmul_2048(%x: tensor<2048x2048xf32>, %y: tensor<2048x2048xf32>) -> tensor<2048x2048xf32> {
  %0 = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<2048x2048xf32>, tensor<2048x2048xf32>) -> tensor<2048x2048xf32>
  return %0 : tensor<2048x2048xf32>
}
