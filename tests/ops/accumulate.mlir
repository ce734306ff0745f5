// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.accumulate %{{.+}}, %{{.+}}, %{{.+}} : tensor<2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [12, 24]{{$}}
func.func @value() -> tensor<2xf32> {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = fluxion.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %z = fluxion.accumulate %x, %y, %x : tensor<2xf32>
  return %z : tensor<2xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2] [2, 6]{{$}}
// VALUE-NEXT: result1: f32[2] [1, 3]{{$}}
func.func @adjoint() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = fluxion.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %d0 = fluxion.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<2xf32>, %b: tensor<2xf32>):
    %c = fluxion.accumulate %a, %a, %b : tensor<2xf32>
    fluxion.yield %c : tensor<2xf32>
  } : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return %r#1, %r#2 : tensor<2xf32>, tensor<2xf32>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be variadic of ranked tensor of}}
  %y = fluxion.accumulate %x, %x : tensor<3xi1>
  return
}
