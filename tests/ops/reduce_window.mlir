// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @sum(
// CHECK: %{{.+}} = fluxion.reduce_window sum %{{.+}} {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
// VALUE-LABEL: @sum{{$}}
// VALUE-NEXT: result0: f32[3] [4, 6, 5]{{$}}
func.func @sum() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 3.0, 2.0]> : tensor<4xf32>
  %y = fluxion.reduce_window sum %x {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @max_padded(
// CHECK: %{{.+}} = fluxion.reduce_window max %{{.+}} {dilation = array<i64: 1>, padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
// VALUE-LABEL: @max_padded{{$}}
// VALUE-NEXT: result0: f32[3] [1, 3, 2]{{$}}
func.func @max_padded() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 3.0, 2.0]> : tensor<4xf32>
  %y = fluxion.reduce_window max %x {dilation = array<i64: 1>, padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @min_dilated(
// CHECK: %{{.+}} = fluxion.reduce_window min %{{.+}} {dilation = array<i64: 2>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
// VALUE-LABEL: @min_dilated{{$}}
// VALUE-NEXT: result0: f32[2] [1, 2]{{$}}
func.func @min_dilated() -> tensor<2xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 3.0, 2.0]> : tensor<4xf32>
  %y = fluxion.reduce_window min %x {dilation = array<i64: 2>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @two_dimensions(
// CHECK: %{{.+}} = fluxion.reduce_window sum %{{.+}} {dilation = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, window = array<i64: 2, 2>} : (tensor<2x2xf32>) -> tensor<1x1xf32>
// VALUE-LABEL: @two_dimensions{{$}}
// VALUE-NEXT: result0: f32[1, 1] {{\[\[}}10]]{{$}}
func.func @two_dimensions() -> tensor<1x1xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = fluxion.reduce_window sum %x {dilation = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, window = array<i64: 2, 2>} : (tensor<2x2xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @adjoint_sum(
// VALUE-LABEL: @adjoint_sum{{$}}
// VALUE-NEXT: result0: f32[4] [1, 11, 110, 100]{{$}}
func.func @adjoint_sum() -> tensor<4xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 3.0, 2.0]> : tensor<4xf32>
  %d0 = fluxion.constant dense<[1.0, 10.0, 100.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %b = fluxion.reduce_window sum %a {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<4xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<4xf32>)
  return %r#1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @adjoint_max(
// VALUE-LABEL: @adjoint_max{{$}}
// VALUE-NEXT: result0: f32[4] [0, 1, 10, 0]{{$}}
func.func @adjoint_max() -> tensor<4xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 3.0, 2.0]> : tensor<4xf32>
  %d0 = fluxion.constant dense<[1.0, 10.0]> : tensor<2xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %b = fluxion.reduce_window max %a {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
    fluxion.yield %b : tensor<2xf32>
  } : (tensor<4xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<4xf32>)
  return %r#1 : tensor<4xf32>
}

//--- invalid.mlir

func.func @window_c1(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce_window sum %x {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2, 1>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_c1_negative(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce_window sum %x {dilation = array<i64: 1>, padding = array<i64: -1, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_c2(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c2: a window of 5 does not fit into the 4 padded elements of dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce_window sum %x {dilation = array<i64: 2>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 3>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @reduce_window_c1(%x: tensor<4xf32>) {
  // expected-error@+2 {{reduce_window_c1: the kind must be sum, max or min}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce_window prod %x {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}
