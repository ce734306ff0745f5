// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.remainder %{{.+}}, %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [1.5, -1.5, 1.5]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[5.5, -5.5, 5.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[2.0, 2.0, -2.0]> : tensor<3xf32>
  %z = fluxion.remainder %x, %y : tensor<3xf32>
  return %z : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 2, -1]{{$}}
// VALUE-NEXT: result1: f32[3] [-2, 4, -2]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[5.5, -5.5, 5.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[2.0, 2.0, -2.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    %c = fluxion.remainder %a, %b : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @integers(
// CHECK: %{{.+}} = fluxion.remainder %{{.+}}, %{{.+}} : tensor<5xi8>
// VALUE-LABEL: @integers{{$}}
// VALUE-NEXT: result0: i8[5] [1, -1, 1, 0, 0]{{$}}
func.func @integers() -> tensor<5xi8> {
  %x = fluxion.constant dense<[7, -7, 7, 5, -128]> : tensor<5xi8>
  %y = fluxion.constant dense<[2, 2, -2, 0, -1]> : tensor<5xi8>
  %z = fluxion.remainder %x, %y : tensor<5xi8>
  return %z : tensor<5xi8>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.remainder %x, %x : tensor<3xi1>
  return
}
