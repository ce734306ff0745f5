// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.min %{{.+}}, %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [1, -2, -2]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.0, -2.0, 3.0]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, -2.0, -2.0]> : tensor<3xf32>
  %z = fluxion.min %x, %y : tensor<3xf32>
  return %z : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 1, 0]{{$}}
// VALUE-NEXT: result1: f32[3] [0, 1, -1]{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[1.0, -2.0, 3.0]> : tensor<3xf32>
  %y = fluxion.constant dense<[4.0, -2.0, -2.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    %c = fluxion.min %a, %b : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @nan(
// CHECK: %{{.+}} = fluxion.min %{{.+}}, %{{.+}} : tensor<2xf32>
// VALUE-LABEL: @nan{{$}}
// VALUE-NEXT: result0: f32[2] [nan, nan]{{$}}
func.func @nan() -> tensor<2xf32> {
  %x = fluxion.constant dense<[0x7FC00000, 1.0]> : tensor<2xf32>
  %y = fluxion.constant dense<[1.0, 0x7FC00000]> : tensor<2xf32>
  %z = fluxion.min %x, %y : tensor<2xf32>
  return %z : tensor<2xf32>
}

// CHECK-LABEL: func.func @signed(
// CHECK: %{{.+}} = fluxion.min %{{.+}}, %{{.+}} : tensor<2xi8>
// VALUE-LABEL: @signed{{$}}
// VALUE-NEXT: result0: i8[2] [-56, 1]{{$}}
func.func @signed() -> tensor<2xi8> {
  %x = fluxion.constant dense<[-56, 1]> : tensor<2xi8>
  %y = fluxion.constant dense<[100, 2]> : tensor<2xi8>
  %z = fluxion.min %x, %y : tensor<2xi8>
  return %z : tensor<2xi8>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.min %x, %x : tensor<3xi1>
  return
}
