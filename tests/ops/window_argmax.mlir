// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// Padding is never chosen; the first at a tie; NaN wins.
// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.window_argmax %{{.+}} {dilation = array<i64: 1>, padding = array<i64: 1, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<4xi32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i32[4] [1, 1, 0, 1]{{$}}
func.func @value() -> tensor<4xi32> {
  %x = fluxion.constant dense<[1.0, 3.0, 3.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.window_argmax %x {dilation = array<i64: 1>, padding = array<i64: 1, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<4xi32>
  return %y : tensor<4xi32>
}

//--- invalid.mlir

func.func @window_c1(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_argmax %x {dilation = array<i64: 1>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 2, 1>} : (tensor<4xf32>) -> tensor<3xi32>
  return
}

// -----

func.func @window_c1_negative(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c1: 'tensor<4xf32>' needs 1 windows, strides and dilations of at least 1 and 2 paddings of at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_argmax %x {dilation = array<i64: 1>, padding = array<i64: -1, 0>, strides = array<i64: 1>, window = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xi32>
  return
}

// -----

func.func @window_c2(%x: tensor<4xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{window_c2: a window of 5 does not fit into the 4 padded elements of dimension 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.window_argmax %x {dilation = array<i64: 2>, padding = array<i64: 0, 0>, strides = array<i64: 1>, window = array<i64: 3>} : (tensor<4xf32>) -> tensor<3xi32>
  return
}
