// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.transpose %{{.+}} [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3, 2] {{\[\[}}1, 4], [2, 5], [3, 6]]{{$}}
func.func @value() -> tensor<3x2xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = fluxion.transpose %x [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: func.func @three_dimensions(
// CHECK: %{{.+}} = fluxion.transpose %{{.+}} [2, 0, 1] : (tensor<1x3x2xi32>) -> tensor<2x1x3xi32>
// VALUE-LABEL: @three_dimensions{{$}}
// VALUE-NEXT: result0: i32[2, 1, 3] {{\[\[\[}}1, 3, 5]], {{\[\[}}2, 4, 6]]]{{$}}
func.func @three_dimensions() -> tensor<2x1x3xi32> {
  %x = fluxion.constant dense<[[[1, 2], [3, 4], [5, 6]]]> : tensor<1x3x2xi32>
  %y = fluxion.transpose %x [2, 0, 1] : (tensor<1x3x2xi32>) -> tensor<2x1x3xi32>
  return %y : tensor<2x1x3xi32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}1, 2, 3], [4, 5, 6]]{{$}}
func.func @adjoint() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %d0 = fluxion.constant dense<[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]> : tensor<3x2xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x3xf32>):
    %b = fluxion.transpose %a [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    fluxion.yield %b : tensor<3x2xf32>
  } : (tensor<2x3xf32>, tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<2x3xf32>)
  return %r#1 : tensor<2x3xf32>
}

//--- invalid.mlir

func.func @transpose_c1(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{transpose_c1: }}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.transpose %x [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}
