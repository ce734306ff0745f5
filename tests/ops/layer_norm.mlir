// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.layer_norm %{{.+}}, %{{.+}}, %{{.+}} {epsilon = 1.000000e-01 : f64} : tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[1, 3] {{\[\[}}-0.536256, -0.518128, 2.88596]]{{$}}
func.func @value() -> tensor<1x3xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 4.0]]> : tensor<1x3xf32>
  %s = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %o = fluxion.constant dense<[0.5, 0.0, -1.0]> : tensor<3xf32>
  %y = fluxion.layer_norm %x, %s, %o {epsilon = 1.000000e-01 : f64} : tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>
  return %y : tensor<1x3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[1, 3] {{\[\[}}-1.34053, 2.19074, -0.850216]]{{$}}
// VALUE-NEXT: result1: f32[3] [-1.03626, -0.518128, -1.29532]{{$}}
// VALUE-NEXT: result2: f32[3] [1, 2, -1]{{$}}
func.func @adjoint() -> (tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[[1.0, 2.0, 4.0]]> : tensor<1x3xf32>
  %s = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %o = fluxion.constant dense<[0.5, 0.0, -1.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[[1.0, 2.0, -1.0]]> : tensor<1x3xf32>
  %r:4 = fluxion.vjp(%x, %s, %o) cotangents(%d0) wrt [0, 1, 2] {
  ^bb0(%a: tensor<1x3xf32>, %c: tensor<3xf32>, %e: tensor<3xf32>):
    %b = fluxion.layer_norm %a, %c, %e {epsilon = 0.1 : f64} : tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>
    fluxion.yield %b : tensor<1x3xf32>
  } : (tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %r#1, %r#2, %r#3 : tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>
}

//--- invalid.mlir

func.func @layer_norm_c1(%x: tensor<4x3xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{layer_norm_c1: scale 'tensor<4xf32>' and offset 'tensor<4xf32>' must have the trailing dimensions of 'tensor<4x3xf32>'}}
  %y = fluxion.layer_norm %x, %s, %s {epsilon = 0.1 : f64} : tensor<4x3xf32>, tensor<4xf32>, tensor<4xf32>
  return
}
