// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.window_gather %{{.+}}, %{{.+}} {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [2, 2, 4]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %i = fluxion.constant dense<[1, 0, 1]> : tensor<3xi32>
  %y = fluxion.window_gather %x, %i {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[4] [0, 11, 0, 100]{{$}}
func.func @adjoint() -> tensor<4xf32> {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %i = fluxion.constant dense<[1, 0, 1]> : tensor<3xi32>
  %d0 = fluxion.constant dense<[1.0, 10.0, 100.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %b = fluxion.window_gather %a, %i {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<4xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<4xf32>)
  return %r#1 : tensor<4xf32>
}

//--- invalid.mlir

func.func @window_c1(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_gather %x, %i {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2, 1>} : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_c1_negative(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_gather %x, %i {dilation = array<i64: 1>, padding = array<i64: -1, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_c2(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c2: a window of 5 does not fit into the 4 padded elements of dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_gather %x, %i {dilation = array<i64: 2>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 3>} : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_gather_c1(%x: tensor<4xf32>, %i: tensor<2xi32>) {
  // expected-error@+2 {{window_gather_c1: index 'tensor<2xi32>' does not have the result's shape}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_gather %x, %i {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>, tensor<2xi32>) -> tensor<3xf32>
  return
}
