// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.select %{{.+}}, %{{.+}}, %{{.+}} : tensor<3xi1>, tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [1, inf, 3]{{$}}
func.func @value() -> tensor<3xf32> {
  %p = fluxion.constant dense<[true, false, true]> : tensor<3xi1>
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, 0x7F800000, 6.0]> : tensor<3xf32>
  %z = fluxion.select %p, %x, %y : tensor<3xi1>, tensor<3xf32>
  return %z : tensor<3xf32>
}

// The branch not taken gets an exact zero, infinite or not.
// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 0, -1]{{$}}
// VALUE-NEXT: result1: f32[3] [0, 2, 0]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>) {
  %p = fluxion.constant dense<[true, false, true]> : tensor<3xi1>
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, 0x7F800000, 6.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    %c = fluxion.select %p, %a, %b : tensor<3xi1>, tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>
}

//--- invalid.mlir

func.func @predicate(%p: tensor<3xi32>, %x: tensor<3xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of 1-bit signless integer}}
  %y = fluxion.select %p, %x, %x : tensor<3xi32>, tensor<3xf32>
  return
}
