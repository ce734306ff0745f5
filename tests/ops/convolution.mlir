// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: fluxion.convolution
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[1, 1, 3] {{\[\[\[}}-2, -2, -2]]]{{$}}
func.func @value() -> tensor<1x1x3xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 0.0, -1.0]]]> : tensor<1x1x3xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x1x5xf32>, tensor<1x1x3xf32>) -> tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}

// CHECK-LABEL: func.func @padded(
// CHECK: fluxion.convolution
// VALUE-LABEL: @padded{{$}}
// VALUE-NEXT: result0: f32[1, 1, 5] {{\[\[\[}}-2, -2, -2, -2, 4]]]{{$}}
func.func @padded() -> tensor<1x1x5xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 0.0, -1.0]]]> : tensor<1x1x3xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 1, 1>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x1x5xf32>, tensor<1x1x3xf32>) -> tensor<1x1x5xf32>
  return %y : tensor<1x1x5xf32>
}

// CHECK-LABEL: func.func @strided(
// CHECK: fluxion.convolution
// VALUE-LABEL: @strided{{$}}
// VALUE-NEXT: result0: f32[1, 1, 2] {{\[\[\[}}21, 43]]]{{$}}
func.func @strided() -> tensor<1x1x2xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 10.0]]]> : tensor<1x1x2xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 2>} : (tensor<1x1x5xf32>, tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}

// CHECK-LABEL: func.func @dilated_kernel(
// CHECK: fluxion.convolution
// VALUE-LABEL: @dilated_kernel{{$}}
// VALUE-NEXT: result0: f32[1, 1, 3] {{\[\[\[}}31, 42, 53]]]{{$}}
func.func @dilated_kernel() -> tensor<1x1x3xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 10.0]]]> : tensor<1x1x2xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 2>, window_strides = array<i64: 1>} : (tensor<1x1x5xf32>, tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}

// CHECK-LABEL: func.func @dilated_input(
// CHECK: fluxion.convolution
// VALUE-LABEL: @dilated_input{{$}}
// VALUE-NEXT: result0: f32[1, 1, 4] {{\[\[\[}}10, 1, 20, 2]]]{{$}}
func.func @dilated_input() -> tensor<1x1x4xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %k = fluxion.constant dense<[[[1.0, 10.0]]]> : tensor<1x1x2xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 2>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 1, 1>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x1x4xf32>
  return %y : tensor<1x1x4xf32>
}

// CHECK-LABEL: func.func @cropped(
// CHECK: fluxion.convolution
// VALUE-LABEL: @cropped{{$}}
// VALUE-NEXT: result0: f32[1, 1, 2] {{\[\[\[}}32, 43]]]{{$}}
func.func @cropped() -> tensor<1x1x2xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 10.0]]]> : tensor<1x1x2xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: -1, -1>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x1x5xf32>, tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}

// CHECK-LABEL: func.func @reversed(
// CHECK: fluxion.convolution
// VALUE-LABEL: @reversed{{$}}
// VALUE-NEXT: result0: f32[1, 1, 4] {{\[\[\[}}12, 23, 34, 45]]]{{$}}
func.func @reversed() -> tensor<1x1x4xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 10.0]]]> : tensor<1x1x2xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_reversal, window_strides = array<i64: 1>} : (tensor<1x1x5xf32>, tensor<1x1x2xf32>) -> tensor<1x1x4xf32>
  return %y : tensor<1x1x4xf32>
}

// CHECK-LABEL: func.func @feature_groups(
// CHECK: fluxion.convolution
// VALUE-LABEL: @feature_groups{{$}}
// VALUE-NEXT: result0: f32[1, 2, 2] {{\[\[\[}}1, 2], [30, 40]]]{{$}}
func.func @feature_groups() -> tensor<1x2x2xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %k = fluxion.constant dense<[[[1.0]], [[10.0]]]> : tensor<2x1x1xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, feature_group_count = 2, window_strides = array<i64: 1>} : (tensor<1x2x2xf32>, tensor<2x1x1xf32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// CHECK-LABEL: func.func @batch_groups(
// CHECK: fluxion.convolution
// VALUE-LABEL: @batch_groups{{$}}
// VALUE-NEXT: result0: f32[1, 2, 2] {{\[\[\[}}1, 2], [30, 40]]]{{$}}
func.func @batch_groups() -> tensor<1x2x2xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %k = fluxion.constant dense<[[[1.0]], [[10.0]]]> : tensor<2x1x1xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, batch_group_count = 2 : i64, window_strides = array<i64: 1>} : (tensor<2x1x2xf32>, tensor<2x1x1xf32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// CHECK-LABEL: func.func @channels_last(
// CHECK: fluxion.convolution
// VALUE-LABEL: @channels_last{{$}}
// VALUE-NEXT: result0: f32[1, 2, 1] {{\[\[\[}}4321], [6543]]]{{$}}
func.func @channels_last() -> tensor<1x2x1xf32> {
  %x = fluxion.constant dense<[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]> : tensor<1x3x2xf32>
  %k = fluxion.constant dense<[[[1.0], [10.0]], [[100.0], [1000.0]]]> : tensor<2x2x1xf32>
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 2, 1>, kernel_dims = array<i64: 2, 1, 0>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 2, 1>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x3x2xf32>, tensor<2x2x1xf32>) -> tensor<1x2x1xf32>
  return %y : tensor<1x2x1xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[1, 1, 5] {{\[\[\[}}0, -1, 0, 2, 0]]]{{$}}
// VALUE-NEXT: result1: f32[1, 1, 3] {{\[\[\[}}8, 11, 2]]]{{$}}
func.func @adjoint() -> (tensor<1x1x5xf32>, tensor<1x1x3xf32>) {
  %x = fluxion.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0]]]> : tensor<1x1x5xf32>
  %k = fluxion.constant dense<[[[1.0, 0.0, -1.0]]]> : tensor<1x1x3xf32>
  %d0 = fluxion.constant dense<[[[1.0, 0.0, 0.0, 0.0, 2.0]]]> : tensor<1x1x5xf32>
  %r:3 = fluxion.vjp(%x, %k) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<1x1x5xf32>, %b: tensor<1x1x3xf32>):
    %c = fluxion.convolution %a, %b {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 1, 1>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x1x5xf32>, tensor<1x1x3xf32>) -> tensor<1x1x5xf32>
    fluxion.yield %c : tensor<1x1x5xf32>
  } : (tensor<1x1x5xf32>, tensor<1x1x3xf32>, tensor<1x1x5xf32>) -> (tensor<1x1x5xf32>, tensor<1x1x5xf32>, tensor<1x1x3xf32>)
  return %r#1, %r#2 : tensor<1x1x5xf32>, tensor<1x1x3xf32>
}

//--- invalid.mlir

func.func @convolution_c1(%x: tensor<1x4x5xf32>, %k: tensor<2x4xf32>) {
  // expected-error@+2 {{convolution_c1: input}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x4x5xf32>, tensor<2x4xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @convolution_c2(%x: tensor<1x4x5xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c2: each dimension list must be a permutation of 3 dimensions}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 1>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @convolution_c3(%x: tensor<1x4x5xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c3: 1 spatial dimensions need as many strides and dilations, all at least 1, and twice as many paddings}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 0>} : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @convolution_c3_padding(%x: tensor<1x4x5xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c3: 1 spatial dimensions need}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 1>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @convolution_c4(%x: tensor<1x4x5xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c4: the input has 4 features but the kernel takes 4 in each of 2 groups}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, feature_group_count = 2 : i64, window_strides = array<i64: 1>} : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @convolution_c5(%x: tensor<1x4x5xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c5: 2 output features and a batch of 1 do not divide into 1 feature and 2 batch groups}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, batch_group_count = 2 : i64, window_strides = array<i64: 1>} : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @convolution_c6(%x: tensor<1x4x2xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c6: the window covers 3 elements of spatial dimension 0, the padded input has 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>} : (tensor<1x4x2xf32>, tensor<2x4x3xf32>) -> tensor<1x2x0xf32>
  return
}

// -----

func.func @convolution_c7(%x: tensor<1x4x5xf32>, %k: tensor<2x4x3xf32>) {
  // expected-error@+2 {{convolution_c7: 'f32' operands have no wide result}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.convolution %x, %k {input_dims = array<i64: 0, 1, 2>, kernel_dims = array<i64: 0, 1, 2>, lhs_dilation = array<i64: 1>, output_dims = array<i64: 0, 1, 2>, padding = array<i64: 0, 0>, rhs_dilation = array<i64: 1>, window_strides = array<i64: 1>, wide_result} : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  return
}
