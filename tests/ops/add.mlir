// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.add %{{.+}}, %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [5, -1.5, 1.5]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, -2.0, 3.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, 0.5, -2.0]> : tensor<3xf32>
  %z = fluxion.add %x, %y : tensor<3xf32>
  return %z : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 2, -1]{{$}}
// VALUE-NEXT: result1: f32[3] [1, 2, -1]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[1.0, -2.0, 3.5]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, 0.5, -2.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    %c = fluxion.add %a, %b : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @integers_wrap(
// CHECK: %{{.+}} = fluxion.add %{{.+}}, %{{.+}} : tensor<3xi8>
// VALUE-LABEL: @integers_wrap{{$}}
// VALUE-NEXT: result0: i8[3] [-56, 56, 3]{{$}}
func.func @integers_wrap() -> tensor<3xi8> {
  %x = fluxion.constant dense<[100, -100, 1]> : tensor<3xi8>
  %y = fluxion.constant dense<[100, -100, 2]> : tensor<3xi8>
  %z = fluxion.add %x, %y : tensor<3xi8>
  return %z : tensor<3xi8>
}

// CHECK-LABEL: func.func @unsigned_wrap(
// CHECK: %{{.+}} = fluxion.add %{{.+}}, %{{.+}} : tensor<2xui8>
// VALUE-LABEL: @unsigned_wrap{{$}}
// VALUE-NEXT: result0: u8[2] [44, 3]{{$}}
func.func @unsigned_wrap() -> tensor<2xui8> {
  %x = fluxion.constant dense<[200, 1]> : tensor<2xui8>
  %y = fluxion.constant dense<[100, 2]> : tensor<2xui8>
  %z = fluxion.add %x, %y : tensor<2xui8>
  return %z : tensor<2xui8>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.add %x, %x : tensor<3xi1>
  return
}
