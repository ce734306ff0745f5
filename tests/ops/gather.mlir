// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.gather %{{.+}}, %{{.+}} axis 0 : (tensor<3x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3, 2] {{\[\[}}5, 6], [1, 2], [5, 6]]{{$}}
func.func @value() -> tensor<3x2xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %i = fluxion.constant dense<[2, 0, 2]> : tensor<3xi32>
  %y = fluxion.gather %x, %i axis 0 : (tensor<3x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: func.func @inner_axis(
// CHECK: %{{.+}} = fluxion.gather %{{.+}}, %{{.+}} axis 1 : (tensor<3x2xf32>, tensor<2x1xi64>) -> tensor<3x2x1xf32>
// VALUE-LABEL: @inner_axis{{$}}
// VALUE-NEXT: result0: f32[3, 2, 1] {{\[\[\[}}2], [1]], {{\[\[}}4], [3]], {{\[\[}}6], [5]]]{{$}}
func.func @inner_axis() -> tensor<3x2x1xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %i = fluxion.constant dense<[[1], [0]]> : tensor<2x1xi64>
  %y = fluxion.gather %x, %i axis 1 : (tensor<3x2xf32>, tensor<2x1xi64>) -> tensor<3x2x1xf32>
  return %y : tensor<3x2x1xf32>
}

// CHECK-LABEL: func.func @clamps(
// CHECK: %{{.+}} = fluxion.gather %{{.+}}, %{{.+}} axis 0 : (tensor<3xf32>, tensor<2xi32>) -> tensor<2xf32>
// VALUE-LABEL: @clamps{{$}}
// VALUE-NEXT: result0: f32[2] [1, 3]{{$}}
func.func @clamps() -> tensor<2xf32> {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %i = fluxion.constant dense<[-1, 7]> : tensor<2xi32>
  %y = fluxion.gather %x, %i axis 0 : (tensor<3xf32>, tensor<2xi32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// Repeated indices add up.
// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3, 2] {{\[\[}}3, 4], [0, 0], [11, 22]]{{$}}
func.func @adjoint() -> tensor<3x2xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %i = fluxion.constant dense<[2, 0, 2]> : tensor<3xi32>
  %d0 = fluxion.constant dense<[[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]]> : tensor<3x2xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<3x2xf32>):
    %b = fluxion.gather %a, %i axis 0 : (tensor<3x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
    fluxion.yield %b : tensor<3x2xf32>
  } : (tensor<3x2xf32>, tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>)
  return %r#1 : tensor<3x2xf32>
}

//--- invalid.mlir

func.func @gather_c1(%x: tensor<3x2xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{gather_c1: axis 2 of 'tensor<3x2xf32>' must be in range and not empty, indices 'tensor<3xi32>' i32 or i64}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.gather %x, %i axis 2 : (tensor<3x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @gather_c1_empty(%x: tensor<0xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{gather_c1: axis 0 of 'tensor<0xf32>' must be in range and not empty}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.gather %x, %i axis 0 : (tensor<0xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @gather_c1_indices(%x: tensor<3xf32>, %i: tensor<3xi16>) {
  // expected-error@+2 {{gather_c1: axis 0 of 'tensor<3xf32>' must be in range and not empty, indices 'tensor<3xi16>' i32 or i64}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.gather %x, %i axis 0 : (tensor<3xf32>, tensor<3xi16>) -> tensor<3xf32>
  return
}
