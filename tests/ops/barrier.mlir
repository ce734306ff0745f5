// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}}:2 = fluxion.barrier %{{.+}}, %{{.+}} : (tensor<2xf32>, tensor<i32>) -> (tensor<2xf32>, tensor<i32>)
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [1, 2]{{$}}
// VALUE-NEXT: result1: i32[] 3{{$}}
func.func @value() -> (tensor<2xf32>, tensor<i32>) {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = fluxion.constant dense<3> : tensor<i32>
  %r:2 = fluxion.barrier %x, %i : (tensor<2xf32>, tensor<i32>) -> (tensor<2xf32>, tensor<i32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<i32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2] [0, 0]{{$}}
// VALUE-NEXT: result1: f32[2] [3, 4]{{$}}
func.func @adjoint() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %d = fluxion.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %r:3 = fluxion.vjp(%x, %x) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<2xf32>, %b: tensor<2xf32>):
    %c:2 = fluxion.barrier %a, %b : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
    fluxion.yield %c#1 : tensor<2xf32>
  } : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return %r#1, %r#2 : tensor<2xf32>, tensor<2xf32>
}

//--- invalid.mlir

func.func @barrier_c1(%x: tensor<2xf32>) {
  // expected-error@+1 {{barrier_c1: result types must be the operands' types}}
  %y = fluxion.barrier %x : (tensor<2xf32>) -> tensor<3xf32>
  return
}
