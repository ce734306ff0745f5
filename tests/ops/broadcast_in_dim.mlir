// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.broadcast_in_dim %{{.+}} dims [0, 2] : (tensor<2x1xf32>) -> tensor<2x2x3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2, 2, 3] {{\[\[\[}}1, 1, 1], [1, 1, 1]], {{\[\[}}2, 2, 2], [2, 2, 2]]]{{$}}
func.func @value() -> tensor<2x2x3xf32> {
  %x = fluxion.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %y = fluxion.broadcast_in_dim %x dims [0, 2] : (tensor<2x1xf32>) -> tensor<2x2x3xf32>
  return %y : tensor<2x2x3xf32>
}

// CHECK-LABEL: func.func @scalar(
// CHECK: %{{.+}} = fluxion.broadcast_in_dim %{{.+}} dims [] : (tensor<f32>) -> tensor<2xf32>
// VALUE-LABEL: @scalar{{$}}
// VALUE-NEXT: result0: f32[2] [7, 7]{{$}}
func.func @scalar() -> tensor<2xf32> {
  %x = fluxion.constant dense<7.0> : tensor<f32>
  %y = fluxion.broadcast_in_dim %x dims [] : (tensor<f32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2, 1] {{\[\[}}6], [15]]{{$}}
func.func @adjoint() -> tensor<2x1xf32> {
  %x = fluxion.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %d0 = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x1xf32>):
    %b = fluxion.broadcast_in_dim %a dims [0, 1] : (tensor<2x1xf32>) -> tensor<2x3xf32>
    fluxion.yield %b : tensor<2x3xf32>
  } : (tensor<2x1xf32>, tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>)
  return %r#1 : tensor<2x1xf32>
}

//--- invalid.mlir

func.func @broadcast_in_dim_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{broadcast_in_dim_c1: 1 dimensions for an operand of rank 2}}
  %y = fluxion.broadcast_in_dim %x dims [0] : (tensor<2x3xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @broadcast_in_dim_c1_order(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{broadcast_in_dim_c1: dimensions must be increasing and below the rank 2}}
  %y = fluxion.broadcast_in_dim %x dims [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @broadcast_in_dim_c2(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{broadcast_in_dim_c2: operand dimension 0 of size 2 does not repeat to 4}}
  %y = fluxion.broadcast_in_dim %x dims [0, 1] : (tensor<2x3xf32>) -> tensor<4x3xf32>
  return
}
