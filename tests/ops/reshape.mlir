// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.reshape %{{.+}} : (tensor<2x3xf32>) -> tensor<3x2x1xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3, 2, 1] {{\[\[\[}}1], [2]], {{\[\[}}3], [4]], {{\[\[}}5], [6]]]{{$}}
func.func @value() -> tensor<3x2x1xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = fluxion.reshape %x : (tensor<2x3xf32>) -> tensor<3x2x1xf32>
  return %y : tensor<3x2x1xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}1, 2, 3], [4, 5, 6]]{{$}}
func.func @adjoint() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]> : tensor<6xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x3xf32>):
    %b = fluxion.reshape %a : (tensor<2x3xf32>) -> tensor<6xf32>
    fluxion.yield %b : tensor<6xf32>
  } : (tensor<2x3xf32>, tensor<6xf32>) -> (tensor<6xf32>, tensor<2x3xf32>)
  return %r#1 : tensor<2x3xf32>
}

//--- invalid.mlir

func.func @reshape_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{reshape_c1: 'tensor<2x3xf32>' has 6 elements but 'tensor<5xf32>' has 5}}
  %y = fluxion.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}
