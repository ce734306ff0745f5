// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels at sizes that take every branch of a GPU's grids: tests/gpu/shapesTest.cpp compares them with the
// reference, bench/gpu.py on a device with the CPU.
func.func @softmax_of_blocks(%x: tensor<6x2048xf32>) -> tensor<6x2048xf32> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<6x2048xf32>
  return %y : tensor<6x2048xf32>
}
func.func @softmax_of_warps(%x: tensor<9x512xf32>) -> tensor<9x512xf32> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<9x512xf32>
  return %y : tensor<9x512xf32>
}
func.func @softmax_short(%x: tensor<5x100xf32>) -> tensor<5x100xf32> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<5x100xf32>
  return %y : tensor<5x100xf32>
}
func.func @softmax_odd(%x: tensor<3x1031xf32>) -> tensor<3x1031xf32> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<3x1031xf32>
  return %y : tensor<3x1031xf32>
}
func.func @softmax_too_long_to_hold(%x: tensor<2x40000xf32>) -> tensor<2x40000xf32> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<2x40000xf32>
  return %y : tensor<2x40000xf32>
}
func.func @softmax_bf16(%x: tensor<4x1024xbf16>) -> tensor<4x1024xbf16> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<4x1024xbf16>
  return %y : tensor<4x1024xbf16>
}
func.func @softmax_f64(%x: tensor<4x300xf64>) -> tensor<4x300xf64> attributes {fluxion.entry} {
  %y = fluxion.softmax %x dim 1 : tensor<4x300xf64>
  return %y : tensor<4x300xf64>
}
func.func @softmax_grad(%x: tensor<4x1024xf32>, %d: tensor<4x1024xf32>) -> tensor<4x1024xf32> attributes {fluxion.entry} {
  %r:2 = fluxion.vjp(%x) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<4x1024xf32>):
    %y = fluxion.softmax %a dim 1 : tensor<4x1024xf32>
    fluxion.yield %y : tensor<4x1024xf32>
  } : (tensor<4x1024xf32>, tensor<4x1024xf32>) -> (tensor<4x1024xf32>, tensor<4x1024xf32>)
  return %r#1 : tensor<4x1024xf32>
}
func.func @layer_norm(%x: tensor<40x768xf32>, %s: tensor<768xf32>, %o: tensor<768xf32>) -> tensor<40x768xf32> attributes {fluxion.entry} {
  %y = fluxion.layer_norm %x, %s, %o {epsilon = 0.00001 : f64} : tensor<40x768xf32>, tensor<768xf32>, tensor<768xf32>
  return %y : tensor<40x768xf32>
}
func.func @layer_norm_grad(%x: tensor<40x768xf32>, %s: tensor<768xf32>, %o: tensor<768xf32>, %d: tensor<40x768xf32>) -> (tensor<40x768xf32>, tensor<768xf32>, tensor<768xf32>) attributes {fluxion.entry} {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<40x768xf32>, %c: tensor<768xf32>, %e: tensor<768xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<40x768xf32>, tensor<768xf32>, tensor<768xf32>
    fluxion.yield %y : tensor<40x768xf32>
  } : (tensor<40x768xf32>, tensor<768xf32>, tensor<768xf32>, tensor<40x768xf32>) -> (tensor<40x768xf32>, tensor<40x768xf32>, tensor<768xf32>, tensor<768xf32>)
  return %r#1, %r#2, %r#3 : tensor<40x768xf32>, tensor<768xf32>, tensor<768xf32>
}
func.func @layer_norm_odd(%x: tensor<7x129xf32>, %s: tensor<129xf32>, %o: tensor<129xf32>) -> tensor<7x129xf32> attributes {fluxion.entry} {
  %y = fluxion.layer_norm %x, %s, %o {epsilon = 0.00001 : f64} : tensor<7x129xf32>, tensor<129xf32>, tensor<129xf32>
  return %y : tensor<7x129xf32>
}
func.func @layer_norm_odd_grad(%x: tensor<7x129xf32>, %s: tensor<129xf32>, %o: tensor<129xf32>, %d: tensor<7x129xf32>) -> (tensor<7x129xf32>, tensor<129xf32>, tensor<129xf32>) attributes {fluxion.entry} {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<7x129xf32>, %c: tensor<129xf32>, %e: tensor<129xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<7x129xf32>, tensor<129xf32>, tensor<129xf32>
    fluxion.yield %y : tensor<7x129xf32>
  } : (tensor<7x129xf32>, tensor<129xf32>, tensor<129xf32>, tensor<7x129xf32>) -> (tensor<7x129xf32>, tensor<7x129xf32>, tensor<129xf32>, tensor<129xf32>)
  return %r#1, %r#2, %r#3 : tensor<7x129xf32>, tensor<129xf32>, tensor<129xf32>
}
func.func @batch_norm(%x: tensor<8x6x16x16xf32>, %s: tensor<6xf32>, %o: tensor<6xf32>) -> (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>) attributes {fluxion.entry} {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>)
  return %y#0, %y#1, %y#2 : tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>
}
func.func @batch_norm_grad(%x: tensor<8x6x16x16xf32>, %s: tensor<6xf32>, %o: tensor<6xf32>, %d: tensor<8x6x16x16xf32>) -> (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>) attributes {fluxion.entry} {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<8x6x16x16xf32>, %c: tensor<6xf32>, %e: tensor<6xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>
  } : (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>, tensor<8x6x16x16xf32>) -> (tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>, tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>)
  return %r#3, %r#4, %r#5 : tensor<8x6x16x16xf32>, tensor<6xf32>, tensor<6xf32>
}
func.func @batch_norm_odd(%x: tensor<4x3x5x7xf32>, %s: tensor<3xf32>, %o: tensor<3xf32>) -> (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>) attributes {fluxion.entry} {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y#0, %y#1, %y#2 : tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>
}
func.func @batch_norm_odd_grad(%x: tensor<4x3x5x7xf32>, %s: tensor<3xf32>, %o: tensor<3xf32>, %d: tensor<4x3x5x7xf32>) -> (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>) attributes {fluxion.entry} {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<4x3x5x7xf32>, %c: tensor<3xf32>, %e: tensor<3xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>
  } : (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4x3x5x7xf32>) -> (tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#3, %r#4, %r#5 : tensor<4x3x5x7xf32>, tensor<3xf32>, tensor<3xf32>
}
func.func @column_sums(%x: tensor<300x64xf32>) -> tensor<64xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [0] : (tensor<300x64xf32>) -> tensor<64xf32>
  return %y : tensor<64xf32>
}
func.func @column_sums_few(%x: tensor<3000x10xf32>) -> tensor<10xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [0] : (tensor<3000x10xf32>) -> tensor<10xf32>
  return %y : tensor<10xf32>
}
func.func @column_sums_in_chunks(%x: tensor<9000x48xf32>) -> tensor<48xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [0] : (tensor<9000x48xf32>) -> tensor<48xf32>
  return %y : tensor<48xf32>
}
func.func @column_max_bf16(%x: tensor<200x96xbf16>) -> tensor<96xbf16> attributes {fluxion.entry} {
  %y = fluxion.reduce max %x dims [0] : (tensor<200x96xbf16>) -> tensor<96xbf16>
  return %y : tensor<96xbf16>
}
func.func @row_sums(%x: tensor<12x4096xf32>) -> tensor<12xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [1] : (tensor<12x4096xf32>) -> tensor<12xf32>
  return %y : tensor<12xf32>
}
func.func @row_sums_in_chunks(%x: tensor<3x60000xf32>) -> tensor<3xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [1] : (tensor<3x60000xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
func.func @row_sums_odd(%x: tensor<5x1003xf32>) -> tensor<5xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [1] : (tensor<5x1003xf32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}
func.func @sums_of_several(%x: tensor<4x8x6x20xf32>) -> tensor<8xf32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [0, 2, 3] : (tensor<4x8x6x20xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
func.func @sum_of_all(%x: tensor<7x9x11xf32>) -> tensor<f32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [0, 1, 2] : (tensor<7x9x11xf32>) -> tensor<f32>
  return %y : tensor<f32>
}
func.func @products_f64(%x: tensor<3x70xf64>) -> tensor<3xf64> attributes {fluxion.entry} {
  %y = fluxion.reduce prod %x dims [1] : (tensor<3x70xf64>) -> tensor<3xf64>
  return %y : tensor<3xf64>
}
func.func @all(%x: tensor<40x64xi1>) -> tensor<64xi1> attributes {fluxion.entry} {
  %y = fluxion.reduce and %x dims [0] : (tensor<40x64xi1>) -> tensor<64xi1>
  return %y : tensor<64xi1>
}
func.func @sums_i32(%x: tensor<50x40xi32>) -> tensor<40xi32> attributes {fluxion.entry} {
  %y = fluxion.reduce sum %x dims [0] : (tensor<50x40xi32>) -> tensor<40xi32>
  return %y : tensor<40xi32>
}
func.func @argmax_rows(%x: tensor<6x700xf32>) -> tensor<6xi32> attributes {fluxion.entry} {
  %y = fluxion.argmax %x dim 1 : (tensor<6x700xf32>) -> tensor<6xi32>
  return %y : tensor<6xi32>
}
func.func @argmax_columns(%x: tensor<60x70xf32>) -> tensor<70xi32> attributes {fluxion.entry} {
  %y = fluxion.argmax %x dim 0 : (tensor<60x70xf32>) -> tensor<70xi32>
  return %y : tensor<70xi32>
}
func.func @transpose(%x: tensor<64x128xf32>) -> tensor<128x64xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<64x128xf32>) -> tensor<128x64xf32>
  return %y : tensor<128x64xf32>
}
func.func @transpose_ragged(%x: tensor<72x40xf32>) -> tensor<40x72xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<72x40xf32>) -> tensor<40x72xf32>
  return %y : tensor<40x72xf32>
}
func.func @transpose_odd(%x: tensor<33x70xf32>) -> tensor<70x33xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<33x70xf32>) -> tensor<70x33xf32>
  return %y : tensor<70x33xf32>
}
func.func @transpose_narrow(%x: tensor<8x4xf32>) -> tensor<4x8xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
func.func @transpose_bf16(%x: tensor<48x64xbf16>) -> tensor<64x48xbf16> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<48x64xbf16>) -> tensor<64x48xbf16>
  return %y : tensor<64x48xbf16>
}
func.func @transpose_f64(%x: tensor<24x20xf64>) -> tensor<20x24xf64> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<24x20xf64>) -> tensor<20x24xf64>
  return %y : tensor<20x24xf64>
}
func.func @nchw_to_nhwc(%x: tensor<2x32x12x12xf32>) -> tensor<2x12x12x32xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [0, 2, 3, 1] : (tensor<2x32x12x12xf32>) -> tensor<2x12x12x32xf32>
  return %y : tensor<2x12x12x32xf32>
}
func.func @nhwc_to_nchw(%x: tensor<2x12x12x32xf32>) -> tensor<2x32x12x12xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [0, 3, 1, 2] : (tensor<2x12x12x32xf32>) -> tensor<2x32x12x12xf32>
  return %y : tensor<2x32x12x12xf32>
}
func.func @rotate(%x: tensor<8x12x16xf32>) -> tensor<16x8x12xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [2, 0, 1] : (tensor<8x12x16xf32>) -> tensor<16x8x12xf32>
  return %y : tensor<16x8x12xf32>
}
func.func @reverse_all(%x: tensor<8x12x16xf32>) -> tensor<16x12x8xf32> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [2, 1, 0] : (tensor<8x12x16xf32>) -> tensor<16x12x8xf32>
  return %y : tensor<16x12x8xf32>
}
func.func @i8(%x: tensor<64x32xi8>) -> tensor<32x64xi8> attributes {fluxion.entry} {
  %y = fluxion.transpose %x [1, 0] : (tensor<64x32xi8>) -> tensor<32x64xi8>
  return %y : tensor<32x64xi8>
}
func.func @transpose_and_add(%x: tensor<40x64xf32>, %y: tensor<64x40xf32>) -> tensor<64x40xf32> attributes {fluxion.entry} {
  %t = fluxion.transpose %x [1, 0] : (tensor<40x64xf32>) -> tensor<64x40xf32>
  %z = fluxion.add %t, %y : tensor<64x40xf32>
  %e = fluxion.tanh %z : tensor<64x40xf32>
  return %e : tensor<64x40xf32>
}
func.func @scatter_rows(%x: tensor<20x64xf32>, %i: tensor<50xi32>, %u: tensor<50x64xf32>) -> tensor<20x64xf32> attributes {fluxion.entry} {
  %y = fluxion.scatter %x, %i, %u axis 0 : tensor<20x64xf32>, tensor<50xi32>, tensor<50x64xf32>
  return %y : tensor<20x64xf32>
}
func.func @scatter_few(%x: tensor<12x3xf32>, %i: tensor<7xi32>, %u: tensor<7x3xf32>) -> tensor<12x3xf32> attributes {fluxion.entry} {
  %y = fluxion.scatter %x, %i, %u axis 0 : tensor<12x3xf32>, tensor<7xi32>, tensor<7x3xf32>
  return %y : tensor<12x3xf32>
}
func.func @scatter_inner_axis(%x: tensor<4x15x6xf32>, %i: tensor<33xi64>, %u: tensor<4x33x6xf32>) -> tensor<4x15x6xf32> attributes {fluxion.entry} {
  %y = fluxion.scatter %x, %i, %u axis 1 : tensor<4x15x6xf32>, tensor<33xi64>, tensor<4x33x6xf32>
  return %y : tensor<4x15x6xf32>
}
func.func @scatter_flat(%x: tensor<30xf32>, %i: tensor<200xi32>, %u: tensor<200xf32>) -> tensor<30xf32> attributes {fluxion.entry} {
  %y = fluxion.scatter %x, %i, %u axis 0 : tensor<30xf32>, tensor<200xi32>, tensor<200xf32>
  return %y : tensor<30xf32>
}
func.func @scatter_into_zeros(%i: tensor<60xi32>, %u: tensor<60x40xf32>) -> tensor<16x40xf32> attributes {fluxion.entry} {
  %z = fluxion.constant dense<0.0> : tensor<16x40xf32>
  %y = fluxion.scatter %z, %i, %u axis 0 : tensor<16x40xf32>, tensor<60xi32>, tensor<60x40xf32>
  return %y : tensor<16x40xf32>
}
func.func @depthwise_channels_last(%x: tensor<2x6x6x32xf32>, %k: tensor<3x3x1x32xf32>) -> tensor<2x6x6x32xf32> attributes {fluxion.entry} {
  %y = fluxion.convolution %x, %k {feature_group_count = 32 : i64, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x6x6x32xf32>, tensor<3x3x1x32xf32>) -> tensor<2x6x6x32xf32>
  return %y : tensor<2x6x6x32xf32>
}
func.func @depthwise_channels_last_grad(%x: tensor<2x6x6x32xf32>, %k: tensor<3x3x1x32xf32>, %d: tensor<2x6x6x32xf32>) -> (tensor<2x6x6x32xf32>, tensor<3x3x1x32xf32>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<2x6x6x32xf32>, %b: tensor<3x3x1x32xf32>):
    %y = fluxion.convolution %a, %b {feature_group_count = 32 : i64, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x6x6x32xf32>, tensor<3x3x1x32xf32>) -> tensor<2x6x6x32xf32>
    fluxion.yield %y : tensor<2x6x6x32xf32>
  } : (tensor<2x6x6x32xf32>, tensor<3x3x1x32xf32>, tensor<2x6x6x32xf32>) -> (tensor<2x6x6x32xf32>, tensor<2x6x6x32xf32>, tensor<3x3x1x32xf32>)
  return %r#1, %r#2 : tensor<2x6x6x32xf32>, tensor<3x3x1x32xf32>
}
func.func @depthwise(%x: tensor<2x8x6x6xf32>, %k: tensor<8x1x3x3xf32>) -> tensor<2x8x6x6xf32> attributes {fluxion.entry} {
  %y = fluxion.convolution %x, %k {feature_group_count = 8 : i64, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x8x6x6xf32>, tensor<8x1x3x3xf32>) -> tensor<2x8x6x6xf32>
  return %y : tensor<2x8x6x6xf32>
}
func.func @depthwise_grad(%x: tensor<2x8x6x6xf32>, %k: tensor<8x1x3x3xf32>, %d: tensor<2x8x6x6xf32>) -> (tensor<2x8x6x6xf32>, tensor<8x1x3x3xf32>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<2x8x6x6xf32>, %b: tensor<8x1x3x3xf32>):
    %y = fluxion.convolution %a, %b {feature_group_count = 8 : i64, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x8x6x6xf32>, tensor<8x1x3x3xf32>) -> tensor<2x8x6x6xf32>
    fluxion.yield %y : tensor<2x8x6x6xf32>
  } : (tensor<2x8x6x6xf32>, tensor<8x1x3x3xf32>, tensor<2x8x6x6xf32>) -> (tensor<2x8x6x6xf32>, tensor<2x8x6x6xf32>, tensor<8x1x3x3xf32>)
  return %r#1, %r#2 : tensor<2x8x6x6xf32>, tensor<8x1x3x3xf32>
}
func.func @grouped(%x: tensor<2x8x6x6xf32>, %k: tensor<16x2x3x3xf32>) -> tensor<2x16x6x6xf32> attributes {fluxion.entry} {
  %y = fluxion.convolution %x, %k {feature_group_count = 4 : i64, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x8x6x6xf32>, tensor<16x2x3x3xf32>) -> tensor<2x16x6x6xf32>
  return %y : tensor<2x16x6x6xf32>
}
func.func @grouped_grad(%x: tensor<2x8x6x6xf32>, %k: tensor<16x2x3x3xf32>, %d: tensor<2x16x6x6xf32>) -> (tensor<2x8x6x6xf32>, tensor<16x2x3x3xf32>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<2x8x6x6xf32>, %b: tensor<16x2x3x3xf32>):
    %y = fluxion.convolution %a, %b {feature_group_count = 4 : i64, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x8x6x6xf32>, tensor<16x2x3x3xf32>) -> tensor<2x16x6x6xf32>
    fluxion.yield %y : tensor<2x16x6x6xf32>
  } : (tensor<2x8x6x6xf32>, tensor<16x2x3x3xf32>, tensor<2x16x6x6xf32>) -> (tensor<2x16x6x6xf32>, tensor<2x8x6x6xf32>, tensor<16x2x3x3xf32>)
  return %r#1, %r#2 : tensor<2x8x6x6xf32>, tensor<16x2x3x3xf32>
}
func.func @pad(%x: tensor<6x10xf32>) -> tensor<8x12xf32> attributes {fluxion.entry} {
  %c = fluxion.constant dense<1.5> : tensor<f32>
  %y = fluxion.pad %x with %c low [1, 0] high [1, 2] interior [0, 0] : (tensor<6x10xf32>, tensor<f32>) -> tensor<8x12xf32>
  return %y : tensor<8x12xf32>
}
func.func @layer_norm_grad_many_rows(%x: tensor<600x256xf32>, %s: tensor<256xf32>, %o: tensor<256xf32>, %d: tensor<600x256xf32>) -> (tensor<600x256xf32>, tensor<256xf32>, tensor<256xf32>) attributes {fluxion.entry} {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<600x256xf32>, %c: tensor<256xf32>, %e: tensor<256xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<600x256xf32>, tensor<256xf32>, tensor<256xf32>
    fluxion.yield %y : tensor<600x256xf32>
  } : (tensor<600x256xf32>, tensor<256xf32>, tensor<256xf32>, tensor<600x256xf32>) -> (tensor<600x256xf32>, tensor<600x256xf32>, tensor<256xf32>, tensor<256xf32>)
  return %r#1, %r#2, %r#3 : tensor<600x256xf32>, tensor<256xf32>, tensor<256xf32>
}
func.func @layer_norm_grad_uneven(%x: tensor<37x1040xf32>, %s: tensor<1040xf32>, %o: tensor<1040xf32>, %d: tensor<37x1040xf32>) -> (tensor<37x1040xf32>, tensor<1040xf32>, tensor<1040xf32>) attributes {fluxion.entry} {
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<37x1040xf32>, %c: tensor<1040xf32>, %e: tensor<1040xf32>):
    %y = fluxion.layer_norm %a, %c, %e {epsilon = 0.00001 : f64} : tensor<37x1040xf32>, tensor<1040xf32>, tensor<1040xf32>
    fluxion.yield %y : tensor<37x1040xf32>
  } : (tensor<37x1040xf32>, tensor<1040xf32>, tensor<1040xf32>, tensor<37x1040xf32>) -> (tensor<37x1040xf32>, tensor<37x1040xf32>, tensor<1040xf32>, tensor<1040xf32>)
  return %r#1, %r#2, %r#3 : tensor<37x1040xf32>, tensor<1040xf32>, tensor<1040xf32>
}
func.func @batch_norm_last(%x: tensor<4x9x7x16xf32>, %s: tensor<16xf32>, %o: tensor<16xf32>) -> (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>) attributes {fluxion.entry} {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 3 : i64} : (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>)
  return %y#0, %y#1, %y#2 : tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>
}
func.func @batch_norm_last_grad(%x: tensor<4x9x7x16xf32>, %s: tensor<16xf32>, %o: tensor<16xf32>, %d: tensor<4x9x7x16xf32>) -> (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>) attributes {fluxion.entry} {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<4x9x7x16xf32>, %c: tensor<16xf32>, %e: tensor<16xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 3 : i64} : (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>
  } : (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<4x9x7x16xf32>) -> (tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>)
  return %r#3, %r#4, %r#5 : tensor<4x9x7x16xf32>, tensor<16xf32>, tensor<16xf32>
}
func.func @batch_norm_planes(%x: tensor<3x4x28x56xf32>, %s: tensor<4xf32>, %o: tensor<4xf32>) -> (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>) attributes {fluxion.entry} {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>)
  return %y#0, %y#1, %y#2 : tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>
}
func.func @batch_norm_planes_grad(%x: tensor<3x4x28x56xf32>, %s: tensor<4xf32>, %o: tensor<4xf32>, %d: tensor<3x4x28x56xf32>) -> (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>) attributes {fluxion.entry} {
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d) wrt [0, 1, 2] {
  ^bb0(%a: tensor<3x4x28x56xf32>, %c: tensor<4xf32>, %e: tensor<4xf32>):
    %y:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>)
    fluxion.yield %y#0, %y#1, %y#2 : tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>
  } : (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3x4x28x56xf32>) -> (tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>)
  return %r#3, %r#4, %r#5 : tensor<3x4x28x56xf32>, tensor<4xf32>, tensor<4xf32>
}
func.func @batch_norm_in_chunks(%x: tensor<40x2x24x24xf32>, %s: tensor<2xf32>, %o: tensor<2xf32>) -> (tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>) attributes {fluxion.entry} {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>)
  return %y#0, %y#1, %y#2 : tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>
}
func.func @batch_norm_last_in_chunks(%x: tensor<16x16x24x8xf32>, %s: tensor<8xf32>, %o: tensor<8xf32>) -> (tensor<16x16x24x8xf32>, tensor<8xf32>, tensor<8xf32>) attributes {fluxion.entry} {
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 0.00001 : f64, feature_dim = 3 : i64} : (tensor<16x16x24x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<16x16x24x8xf32>, tensor<8xf32>, tensor<8xf32>)
  return %y#0, %y#1, %y#2 : tensor<16x16x24x8xf32>, tensor<8xf32>, tensor<8xf32>
}
func.func @batch_norm_far(%x: tensor<40x2x24x24xf32>, %s: tensor<2xf32>, %o: tensor<2xf32>) -> (tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>) attributes {fluxion.entry} {
  %p = fluxion.constant dense<64.0> : tensor<40x2x24x24xf32>
  %z = fluxion.add %x, %p : tensor<40x2x24x24xf32>
  %y:3 = fluxion.batch_norm %z, %s, %o {epsilon = 0.00001 : f64, feature_dim = 1 : i64} : (tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>)
  return %y#0, %y#1, %y#2 : tensor<40x2x24x24xf32>, tensor<2xf32>, tensor<2xf32>
}
func.func @max_pool_last(%x: tensor<2x12x10x8xf32>) -> tensor<2x6x5x8xf32> attributes {fluxion.entry} {
  %y = fluxion.max_pool %x {window = array<i64: 1, 2, 2, 1>, strides = array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<2x12x10x8xf32>) -> tensor<2x6x5x8xf32>
  return %y : tensor<2x6x5x8xf32>
}
func.func @max_pool_last_grad(%x: tensor<2x12x10x8xf32>, %d: tensor<2x6x5x8xf32>) -> tensor<2x12x10x8xf32> attributes {fluxion.entry} {
  %r:2 = fluxion.vjp(%x) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<2x12x10x8xf32>):
    %y = fluxion.max_pool %a {window = array<i64: 1, 2, 2, 1>, strides = array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<2x12x10x8xf32>) -> tensor<2x6x5x8xf32>
    fluxion.yield %y : tensor<2x6x5x8xf32>
  } : (tensor<2x12x10x8xf32>, tensor<2x6x5x8xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x12x10x8xf32>)
  return %r#1 : tensor<2x12x10x8xf32>
}
func.func @avg_pool_last_overlapping(%x: tensor<2x9x9x8xf32>) -> tensor<2x5x5x8xf32> attributes {fluxion.entry} {
  %y = fluxion.avg_pool %x {window = array<i64: 1, 3, 3, 1>, strides = array<i64: 1, 2, 2, 1>, padding = array<i64: 0, 0, 1, 1, 1, 1, 0, 0>} : (tensor<2x9x9x8xf32>) -> tensor<2x5x5x8xf32>
  return %y : tensor<2x5x5x8xf32>
}
func.func @depthwise_of_sevens(%x: tensor<2x7x7x12xf32>, %k: tensor<3x3x1x12xf32>, %d: tensor<2x7x7x12xf32>) -> (tensor<2x7x7x12xf32>, tensor<3x3x1x12xf32>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<2x7x7x12xf32>, %b: tensor<3x3x1x12xf32>):
    %y = fluxion.convolution %a, %b {feature_group_count = 12 : i64, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<2x7x7x12xf32>, tensor<3x3x1x12xf32>) -> tensor<2x7x7x12xf32>
    fluxion.yield %y : tensor<2x7x7x12xf32>
  } : (tensor<2x7x7x12xf32>, tensor<3x3x1x12xf32>, tensor<2x7x7x12xf32>) -> (tensor<2x7x7x12xf32>, tensor<2x7x7x12xf32>, tensor<3x3x1x12xf32>)
  return %r#1, %r#2 : tensor<2x7x7x12xf32>, tensor<3x3x1x12xf32>
}
func.func @conv_bf16_grad(%x: tensor<4x64x8x8xbf16>, %k: tensor<64x64x3x3xbf16>, %d: tensor<4x64x8x8xbf16>) -> (tensor<4x64x8x8xbf16>, tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<4x64x8x8xbf16>, %b: tensor<64x64x3x3xbf16>):
    %y = fluxion.convolution %a, %b {input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>) -> tensor<4x64x8x8xbf16>
    fluxion.yield %y : tensor<4x64x8x8xbf16>
  } : (tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>, tensor<4x64x8x8xbf16>) -> (tensor<4x64x8x8xbf16>, tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>)
  return %r#0, %r#1, %r#2 : tensor<4x64x8x8xbf16>, tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>
}
func.func @conv_strided_bf16_grad(%x: tensor<4x64x8x8xbf16>, %k: tensor<64x64x3x3xbf16>, %d: tensor<4x64x4x4xbf16>) -> (tensor<4x64x4x4xbf16>, tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<4x64x8x8xbf16>, %b: tensor<64x64x3x3xbf16>):
    %y = fluxion.convolution %a, %b {input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 2, 2>} : (tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>) -> tensor<4x64x4x4xbf16>
    fluxion.yield %y : tensor<4x64x4x4xbf16>
  } : (tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>, tensor<4x64x4x4xbf16>) -> (tensor<4x64x4x4xbf16>, tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>)
  return %r#0, %r#1, %r#2 : tensor<4x64x4x4xbf16>, tensor<4x64x8x8xbf16>, tensor<64x64x3x3xbf16>
}
func.func @product_bias_gradient(%x: tensor<150x96xbf16>, %y: tensor<96x136xbf16>, %h: tensor<150x136xf32>, %b: tensor<136xf32>) -> (tensor<150x136xf32>, tensor<136xf32>) attributes {fluxion.entry} {
  %r:2 = fluxion.kernel contract "product_bias_gradient"(%x, %y, %h, %b) {
  ^bb0(%u: tensor<150x96xbf16>, %v: tensor<96x136xbf16>, %w: tensor<150x136xf32>, %c: tensor<136xf32>):
    %p = fluxion.dot_general %u, %v contracting [1] x [0] {wide_result} : (tensor<150x96xbf16>, tensor<96x136xbf16>) -> tensor<150x136xf32>
    %g = fluxion.mul %p, %w : tensor<150x136xf32>
    %s = fluxion.reduce sum %g dims [0] : (tensor<150x136xf32>) -> tensor<136xf32>
    %n = fluxion.sub %c, %s : tensor<136xf32>
    fluxion.yield %g, %n : tensor<150x136xf32>, tensor<136xf32>
  } : (tensor<150x96xbf16>, tensor<96x136xbf16>, tensor<150x136xf32>, tensor<136xf32>) -> (tensor<150x136xf32>, tensor<136xf32>)
  return %r#0, %r#1 : tensor<150x136xf32>, tensor<136xf32>
}
func.func @conv_bias_gradient(%x: tensor<4x8x8x64xbf16>, %k: tensor<3x3x64x48xbf16>) -> (tensor<4x8x8x48xf32>, tensor<48xf32>) attributes {fluxion.entry} {
  %r:2 = fluxion.kernel contract "conv_bias_gradient"(%x, %k) {
  ^bb0(%u: tensor<4x8x8x64xbf16>, %v: tensor<3x3x64x48xbf16>):
    %p = fluxion.convolution %u, %v {input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>, wide_result} : (tensor<4x8x8x64xbf16>, tensor<3x3x64x48xbf16>) -> tensor<4x8x8x48xf32>
    %s = fluxion.reduce sum %p dims [0, 1, 2] : (tensor<4x8x8x48xf32>) -> tensor<48xf32>
    fluxion.yield %p, %s : tensor<4x8x8x48xf32>, tensor<48xf32>
  } : (tensor<4x8x8x64xbf16>, tensor<3x3x64x48xbf16>) -> (tensor<4x8x8x48xf32>, tensor<48xf32>)
  return %r#0, %r#1 : tensor<4x8x8x48xf32>, tensor<48xf32>
}
func.func @tf32_nt(%a: tensor<136x96xf32>, %b: tensor<264x96xf32>) -> tensor<136x264xf32> attributes {fluxion.entry} {
  %y = fluxion.dot_general %a, %b contracting [1] x [1] {precision = #fluxion<precision tf32>} : (tensor<136x96xf32>, tensor<264x96xf32>) -> tensor<136x264xf32>
  return %y : tensor<136x264xf32>
}
func.func @tf32_nn(%a: tensor<136x96xf32>, %b: tensor<96x264xf32>) -> tensor<136x264xf32> attributes {fluxion.entry} {
  %y = fluxion.dot_general %a, %b contracting [1] x [0] {precision = #fluxion<precision tf32>} : (tensor<136x96xf32>, tensor<96x264xf32>) -> tensor<136x264xf32>
  return %y : tensor<136x264xf32>
}
func.func @tf32_tn(%a: tensor<96x136xf32>, %b: tensor<96x264xf32>) -> tensor<136x264xf32> attributes {fluxion.entry} {
  %y = fluxion.dot_general %a, %b contracting [0] x [0] {precision = #fluxion<precision tf32>} : (tensor<96x136xf32>, tensor<96x264xf32>) -> tensor<136x264xf32>
  return %y : tensor<136x264xf32>
}
func.func @tf32_tt(%a: tensor<96x136xf32>, %b: tensor<264x96xf32>) -> tensor<136x264xf32> attributes {fluxion.entry} {
  %y = fluxion.dot_general %a, %b contracting [0] x [1] {precision = #fluxion<precision tf32>} : (tensor<96x136xf32>, tensor<264x96xf32>) -> tensor<136x264xf32>
  return %y : tensor<136x264xf32>
}
func.func @conv_tf32_grad(%x: tensor<4x64x8x8xf32>, %k: tensor<64x64x3x3xf32>, %d: tensor<4x64x8x8xf32>) -> (tensor<4x64x8x8xf32>, tensor<4x64x8x8xf32>, tensor<64x64x3x3xf32>) attributes {fluxion.entry} {
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<4x64x8x8xf32>, %b: tensor<64x64x3x3xf32>):
    %y = fluxion.convolution %a, %b {input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, precision = #fluxion<precision tf32>, rhs_dilation = array<i64: 1, 1>, window_strides = array<i64: 1, 1>} : (tensor<4x64x8x8xf32>, tensor<64x64x3x3xf32>) -> tensor<4x64x8x8xf32>
    fluxion.yield %y : tensor<4x64x8x8xf32>
  } : (tensor<4x64x8x8xf32>, tensor<64x64x3x3xf32>, tensor<4x64x8x8xf32>) -> (tensor<4x64x8x8xf32>, tensor<4x64x8x8xf32>, tensor<64x64x3x3xf32>)
  return %r#0, %r#1, %r#2 : tensor<4x64x8x8xf32>, tensor<4x64x8x8xf32>, tensor<64x64x3x3xf32>
}
