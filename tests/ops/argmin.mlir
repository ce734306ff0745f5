// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.argmin %{{.+}} dim 1 : (tensor<2x3xf32>) -> tensor<2xi32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i32[2] [0, 1]{{$}}
func.func @value() -> tensor<2xi32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.argmin %x dim 1 : (tensor<2x3xf32>) -> tensor<2xi32>
  return %y : tensor<2xi32>
}

// CHECK-LABEL: func.func @nan_wins(
// CHECK: %{{.+}} = fluxion.argmin %{{.+}} dim 0 : (tensor<4xf32>) -> tensor<i32>
// VALUE-LABEL: @nan_wins{{$}}
// VALUE-NEXT: result0: i32[] 1{{$}}
func.func @nan_wins() -> tensor<i32> {
  %x = fluxion.constant dense<[1.0, 0x7FC00000, 3.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.argmin %x dim 0 : (tensor<4xf32>) -> tensor<i32>
  return %y : tensor<i32>
}

//--- invalid.mlir

func.func @argmin_c1(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{argmin_c1: dimension 2 of 'tensor<2x3xf32>' is out of range or empty}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.argmin %x dim 2 : (tensor<2x3xf32>) -> tensor<2xi32>
  return
}

// -----

func.func @argmin_c1_empty(%x: tensor<2x0xf32>) {
  // expected-error@+2 {{argmin_c1: dimension 1 of 'tensor<2x0xf32>' is out of range or empty}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.argmin %x dim 1 : (tensor<2x0xf32>) -> tensor<2xi32>
  return
}
