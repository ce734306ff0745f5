// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.atan2 %{{.+}}, %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [0.785398, -2.67795, 2.35619]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, -1.0, 0.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[1.0, -2.0, -0.5]> : tensor<3xf32>
  %z = fluxion.atan2 %x, %y : tensor<3xf32>
  return %z : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [0.5, -0.8, 1]{{$}}
// VALUE-NEXT: result1: f32[3] [-0.5, 0.4, 1]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[1.0, -1.0, 0.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[1.0, -2.0, -0.5]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    %c = fluxion.atan2 %a, %b : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.atan2 %x, %x : tensor<3xi32>
  return
}
