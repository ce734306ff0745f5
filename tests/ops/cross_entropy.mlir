// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.cross_entropy %{{.+}}, %{{.+}} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [0.407606, 0.169846]{{$}}
func.func @value() -> tensor<2xf32> {
  %x = fluxion.constant dense<[[0.0, 1.0, 2.0], [3.0, 1.0, 0.0]]> : tensor<2x3xf32>
  %i = fluxion.constant dense<[2, 0]> : tensor<2xi32>
  %y = fluxion.cross_entropy %x, %i : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// The log-sum-exp alone.
// CHECK-LABEL: func.func @label_outside(
// CHECK: %{{.+}} = fluxion.cross_entropy %{{.+}}, %{{.+}} : (tensor<1x3xf32>, tensor<1xi32>) -> tensor<1xf32>
// VALUE-LABEL: @label_outside{{$}}
// VALUE-NEXT: result0: f32[1] [2.09861]{{$}}
func.func @label_outside() -> tensor<1xf32> {
  %x = fluxion.constant dense<[[1.0, 1.0, 1.0]]> : tensor<1x3xf32>
  %i = fluxion.constant dense<[-1]> : tensor<1xi32>
  %y = fluxion.cross_entropy %x, %i : (tensor<1x3xf32>, tensor<1xi32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3, 3] {{\[\[}}0.0900306, 0.244728, -0.334759], [-0.312411, 0.22839, 0.0840201], [0, 0, 0]]{{$}}
func.func @adjoint() -> tensor<3x3xf32> {
  %x = fluxion.constant dense<[[0.0, 1.0, 2.0], [3.0, 1.0, 0.0], [1.0, 1.0, 1.0]]> : tensor<3x3xf32>
  %i = fluxion.constant dense<[2, 0, -1]> : tensor<3xi32>
  %d0 = fluxion.constant dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<3x3xf32>):
    %b = fluxion.cross_entropy %a, %i : (tensor<3x3xf32>, tensor<3xi32>) -> tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<3x3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3x3xf32>)
  return %r#1 : tensor<3x3xf32>
}

//--- invalid.mlir

func.func @cross_entropy_c1(%x: tensor<2x3xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{cross_entropy_c1: labels 'tensor<3xi32>' must be i32 or i64 with the shape of logits 'tensor<2x3xf32>' without the last dimension}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.cross_entropy %x, %i : (tensor<2x3xf32>, tensor<3xi32>) -> tensor<2xf32>
  return
}
