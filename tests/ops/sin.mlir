// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.sin %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [0, 0.841471, -0.909297]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, -2.0]> : tensor<3xf32>
  %y = fluxion.sin %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 1.0806, 0.416147]{{$}}
func.func @adjoint() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, -2.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.sin %a : tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %r#1 : tensor<3xf32>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.sin %x : tensor<3xi32>
  return
}
