// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.div %{{.+}}, %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [0.25, -4, -1.75]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, -2.0, 3.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, 0.5, -2.0]> : tensor<3xf32>
  %z = fluxion.div %x, %y : tensor<3xf32>
  return %z : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [0.25, 4, 0.5]{{$}}
// VALUE-NEXT: result1: f32[3] [-0.0625, 16, 0.875]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[1.0, -2.0, 3.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, 0.5, -2.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    %c = fluxion.div %a, %b : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @integers(
// CHECK: %{{.+}} = fluxion.div %{{.+}}, %{{.+}} : tensor<5xi8>
// VALUE-LABEL: @integers{{$}}
// VALUE-NEXT: result0: i8[5] [3, -3, -3, 0, -128]{{$}}
func.func @integers() -> tensor<5xi8> {
  %x = fluxion.constant dense<[7, -7, 7, 5, -128]> : tensor<5xi8>
  %y = fluxion.constant dense<[2, 2, -2, 0, -1]> : tensor<5xi8>
  %z = fluxion.div %x, %y : tensor<5xi8>
  return %z : tensor<5xi8>
}

// CHECK-LABEL: func.func @unsigned(
// CHECK: %{{.+}} = fluxion.div %{{.+}}, %{{.+}} : tensor<3xui8>
// VALUE-LABEL: @unsigned{{$}}
// VALUE-NEXT: result0: u8[3] [66, 0, 0]{{$}}
func.func @unsigned() -> tensor<3xui8> {
  %x = fluxion.constant dense<[200, 7, 9]> : tensor<3xui8>
  %y = fluxion.constant dense<[3, 200, 0]> : tensor<3xui8>
  %z = fluxion.div %x, %y : tensor<3xui8>
  return %z : tensor<3xui8>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.div %x, %x : tensor<3xi1>
  return
}
