// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.clamp %{{.+}}, %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[4] [0, 0.5, 1, nan]{{$}}
func.func @value() -> tensor<4xf32> {
  %l = fluxion.constant dense<[0.0, 0.0, 0.0, 0.0]> : tensor<4xf32>
  %x = fluxion.constant dense<[-1.0, 0.5, 2.0, 0x7FC00000]> : tensor<4xf32>
  %h = fluxion.constant dense<[1.0, 1.0, 1.0, 1.0]> : tensor<4xf32>
  %y = fluxion.clamp %l, %x, %h : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 0, 0]{{$}}
// VALUE-NEXT: result1: f32[3] [0, 2, 0]{{$}}
// VALUE-NEXT: result2: f32[3] [0, 0, 4]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %l = fluxion.constant dense<[0.0, 0.0, 0.0]> : tensor<3xf32>
  %x = fluxion.constant dense<[-1.0, 0.5, 2.0]> : tensor<3xf32>
  %h = fluxion.constant dense<[1.0, 1.0, 1.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, 4.0]> : tensor<3xf32>
  %r:4 = fluxion.vjp(%l, %x, %h) cotangents(%d0) wrt [0, 1, 2] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>, %e: tensor<3xf32>):
    %c = fluxion.clamp %a, %b, %e : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2, %r#3 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.clamp %x, %x, %x : tensor<3xi1>
  return
}
