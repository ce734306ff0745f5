// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalisation, pooling and depthwise kernels that bench/gpu.py times on a GPU and compares with the
// CPU's. Of copy is what scale_32Mi of gpu.mlir moves, or map_64Mi where two arrays are read; rows are many
// enough for launches to weigh little.
func.func @softmax_32768x4096(%x: tensor<32768x4096xf32>) -> tensor<32768x4096xf32> {
  %y = fluxion.softmax %x dim 1 : tensor<32768x4096xf32>
  return %y : tensor<32768x4096xf32>
}
func.func @softmax_grad_32768x4096(%x: tensor<32768x4096xf32>, %d: tensor<32768x4096xf32>) -> tensor<32768x4096xf32> {
  %r:2 = fluxion.vjp(%x) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<32768x4096xf32>):
    %y = fluxion.softmax %a dim 1 : tensor<32768x4096xf32>
    fluxion.yield %y : tensor<32768x4096xf32>
  } : (tensor<32768x4096xf32>, tensor<32768x4096xf32>) -> (tensor<32768x4096xf32>, tensor<32768x4096xf32>)
  return %r#1 : tensor<32768x4096xf32>
}
func.func @layer_norm_32768x4096(%x: tensor<32768x4096xf32>, %s: tensor<4096xf32>, %o: tensor<4096xf32>) -> tensor<32768x4096xf32> {
  %y = fluxion.layer_norm %x, %s, %o {epsilon = 0.00001 : f64} : tensor<32768x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
  return %y : tensor<32768x4096xf32>
}
func.func @layer_norm_grad_32768x4096(%x: tensor<32768x4096xf32>, %s: tensor<4096xf32>, %o: tensor<4096xf32>, %d: tensor<32768x4096xf32>) -> (tensor<32768x4096xf32>, tensor<4096xf32>, tensor<4096xf32>) {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<32768x4096xf32>, %c: tensor<4096xf32>, %e: tensor<4096xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<32768x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
    fluxion.yield %y : tensor<32768x4096xf32>
  } : (tensor<32768x4096xf32>, tensor<4096xf32>, tensor<4096xf32>, tensor<32768x4096xf32>) -> (tensor<32768x4096xf32>, tensor<32768x4096xf32>, tensor<4096xf32>, tensor<4096xf32>)
  return %r#1, %r#2, %r#3 : tensor<32768x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
}
func.func @layer_norm_8192x768(%x: tensor<8192x768xf32>, %s: tensor<768xf32>, %o: tensor<768xf32>) -> tensor<8192x768xf32> {
  %y = fluxion.layer_norm %x, %s, %o {epsilon = 0.00001 : f64} : tensor<8192x768xf32>, tensor<768xf32>, tensor<768xf32>
  return %y : tensor<8192x768xf32>
}
func.func @layer_norm_grad_8192x768(%x: tensor<8192x768xf32>, %s: tensor<768xf32>, %o: tensor<768xf32>, %d: tensor<8192x768xf32>) -> (tensor<8192x768xf32>, tensor<768xf32>, tensor<768xf32>) {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<8192x768xf32>, %c: tensor<768xf32>, %e: tensor<768xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<8192x768xf32>, tensor<768xf32>, tensor<768xf32>
    fluxion.yield %y : tensor<8192x768xf32>
  } : (tensor<8192x768xf32>, tensor<768xf32>, tensor<768xf32>, tensor<8192x768xf32>) -> (tensor<8192x768xf32>, tensor<8192x768xf32>, tensor<768xf32>, tensor<768xf32>)
  return %r#1, %r#2, %r#3 : tensor<8192x768xf32>, tensor<768xf32>, tensor<768xf32>
}
func.func @batch_norm_128x56x56x64(%x: tensor<128x56x56x64xf32>, %s: tensor<64xf32>, %o: tensor<64xf32>) -> (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 3 : i64} : (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>)
  return %y#0, %y#1, %y#2 : tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>
}
func.func @batch_norm_grad_128x56x56x64(%x: tensor<128x56x56x64xf32>, %s: tensor<64xf32>, %o: tensor<64xf32>, %d: tensor<128x56x56x64xf32>) -> (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<128x56x56x64xf32>, %c: tensor<64xf32>, %e: tensor<64xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 3 : i64} : (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>
  } : (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<128x56x56x64xf32>) -> (tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>)
  return %r#3, %r#4, %r#5 : tensor<128x56x56x64xf32>, tensor<64xf32>, tensor<64xf32>
}
func.func @batch_norm_128x512x7x7(%x: tensor<128x512x7x7xf32>, %s: tensor<512xf32>, %o: tensor<512xf32>) -> (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>) {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>) -> (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>)
  return %y#0, %y#1, %y#2 : tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>
}
func.func @batch_norm_grad_128x512x7x7(%x: tensor<128x512x7x7xf32>, %s: tensor<512xf32>, %o: tensor<512xf32>, %d: tensor<128x512x7x7xf32>) -> (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>) {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<128x512x7x7xf32>, %c: tensor<512xf32>, %e: tensor<512xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>) -> (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>
  } : (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>, tensor<128x512x7x7xf32>) -> (tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>, tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>)
  return %r#3, %r#4, %r#5 : tensor<128x512x7x7xf32>, tensor<512xf32>, tensor<512xf32>
}
func.func @depthwise_64x56x56x128(%x: tensor<64x56x56x128xf32>, %k: tensor<3x3x1x128xf32>) -> tensor<64x56x56x128xf32> {
  %y = fluxion.convolution %x, %k {feature_group_count = 128 : i64, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<64x56x56x128xf32>, tensor<3x3x1x128xf32>) -> tensor<64x56x56x128xf32>
  return %y : tensor<64x56x56x128xf32>
}
func.func @depthwise_grad_64x56x56x128(%x: tensor<64x56x56x128xf32>, %k: tensor<3x3x1x128xf32>, %d: tensor<64x56x56x128xf32>) -> (tensor<64x56x56x128xf32>, tensor<3x3x1x128xf32>) {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<64x56x56x128xf32>, %b: tensor<3x3x1x128xf32>):
    %y = fluxion.convolution %a, %b {feature_group_count = 128 : i64, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<64x56x56x128xf32>, tensor<3x3x1x128xf32>) -> tensor<64x56x56x128xf32>
    fluxion.yield %y : tensor<64x56x56x128xf32>
  } : (tensor<64x56x56x128xf32>, tensor<3x3x1x128xf32>, tensor<64x56x56x128xf32>) -> (tensor<64x56x56x128xf32>, tensor<64x56x56x128xf32>, tensor<3x3x1x128xf32>)
  return %r#1, %r#2 : tensor<64x56x56x128xf32>, tensor<3x3x1x128xf32>
}
func.func @max_pool_64x112x112x64(%x: tensor<64x112x112x64xf32>) -> tensor<64x56x56x64xf32> {
  %y = fluxion.max_pool %x {window = array<i64: 1, 3, 3, 1>, strides = array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 1, 1, 1, 1, 0, 0>} : (tensor<64x112x112x64xf32>) -> tensor<64x56x56x64xf32>
  return %y : tensor<64x56x56x64xf32>
}
func.func @max_pool_grad_64x112x112x64(%x: tensor<64x112x112x64xf32>, %d: tensor<64x56x56x64xf32>) -> tensor<64x112x112x64xf32> {
  %r:2 = fluxion.vjp(%x) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<64x112x112x64xf32>):
    %y = fluxion.max_pool %a {window = array<i64: 1, 3, 3, 1>, strides = array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 1, 1, 1, 1, 0, 0>} : (tensor<64x112x112x64xf32>) -> tensor<64x56x56x64xf32>
    fluxion.yield %y : tensor<64x56x56x64xf32>
  } : (tensor<64x112x112x64xf32>, tensor<64x56x56x64xf32>) -> (tensor<64x56x56x64xf32>, tensor<64x112x112x64xf32>)
  return %r#1 : tensor<64x112x112x64xf32>
}
func.func @avg_pool_64x64x112x112(%x: tensor<64x64x112x112xf32>) -> tensor<64x64x56x56xf32> {
  %y = fluxion.avg_pool %x {window = array<i64: 1, 1, 2, 2>, strides = array<i64: 1, 1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<64x64x112x112xf32>) -> tensor<64x64x56x56xf32>
  return %y : tensor<64x64x56x56xf32>
}
