// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.avg_pool %{{.+}} {padding = array<i64: 0, 0>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [2, 7]{{$}}
func.func @value() -> tensor<2xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 5.0, 9.0]> : tensor<4xf32>
  %y = fluxion.avg_pool %x {padding = array<i64: 0, 0>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @padding_left_out(
// CHECK: %{{.+}} = fluxion.avg_pool %{{.+}} {padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
// VALUE-LABEL: @padding_left_out{{$}}
// VALUE-NEXT: result0: f32[3] [1, 4, 9]{{$}}
func.func @padding_left_out() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 5.0, 9.0]> : tensor<4xf32>
  %y = fluxion.avg_pool %x {padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @padding_counted(
// CHECK: %{{.+}} = fluxion.avg_pool %{{.+}} {count_include_pad, padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
// VALUE-LABEL: @padding_counted{{$}}
// VALUE-NEXT: result0: f32[3] [0.5, 4, 4.5]{{$}}
func.func @padding_counted() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 5.0, 9.0]> : tensor<4xf32>
  %y = fluxion.avg_pool %x {count_include_pad, padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[4] [1, 5, 5, 100]{{$}}
func.func @adjoint() -> tensor<4xf32> {
  %x = fluxion.constant dense<[1.0, 3.0, 5.0, 9.0]> : tensor<4xf32>
  %d0 = fluxion.constant dense<[1.0, 10.0, 100.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %b = fluxion.avg_pool %a {padding = array<i64: 1, 1>, strides = array<i64: 2>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<4xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<4xf32>)
  return %r#1 : tensor<4xf32>
}

//--- invalid.mlir

func.func @window_c1(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.avg_pool %x {padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2, 1>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_c1_negative(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.avg_pool %x {padding = array<i64: -1, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @window_c2(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c2: a window of 5 does not fit into the 4 padded elements of dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.avg_pool %x {padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 5>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}
