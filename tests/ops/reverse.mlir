// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.reverse %{{.+}} dims [0, 1] : tensor<2x3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}6, 5, 4], [3, 2, 1]]{{$}}
func.func @value() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = fluxion.reverse %x dims [0, 1] : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}3, 2, 1], [6, 5, 4]]{{$}}
func.func @adjoint() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %d0 = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x3xf32>):
    %b = fluxion.reverse %a dims [1] : tensor<2x3xf32>
    fluxion.yield %b : tensor<2x3xf32>
  } : (tensor<2x3xf32>, tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>)
  return %r#1 : tensor<2x3xf32>
}

//--- invalid.mlir

func.func @reverse_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{reverse_c1: dimensions must be increasing and below the rank 2}}
  %y = fluxion.reverse %x dims [2] : tensor<2x3xf32>
  return
}

// -----

func.func @reverse_c1_order(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{reverse_c1: dimensions must be increasing and below the rank 2}}
  %y = fluxion.reverse %x dims [1, 0] : tensor<2x3xf32>
  return
}
