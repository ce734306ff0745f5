// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: fluxion.batch_norm %{{.+}}, %{{.+}}, %{{.+}} {epsilon = 1.000000e-01 : f64, feature_dim = 1 : i64} : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>)
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3, 1] {{\[\[}}-1.07251], [0.481872], [3.59064]]{{$}}
// VALUE-NEXT: result1: f32[1] [2.33333]{{$}}
// VALUE-NEXT: result2: f32[1] [1.55556]{{$}}
func.func @value() -> (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>) {
  %x = fluxion.constant dense<[[1.0], [2.0], [4.0]]> : tensor<3x1xf32>
  %s = fluxion.constant dense<[2.0]> : tensor<1xf32>
  %o = fluxion.constant dense<[1.0]> : tensor<1xf32>
  %y:3 = fluxion.batch_norm %x, %s, %o {epsilon = 1.000000e-01 : f64, feature_dim = 1 : i64} : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>)
  return %y#0, %y#1, %y#2 : tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3, 1] {{\[\[}}-1.01191], [1.69], [-0.678087]]{{$}}
// VALUE-NEXT: result1: f32[1] [-2.8497]{{$}}
// VALUE-NEXT: result2: f32[1] [2]{{$}}
func.func @adjoint() -> (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>) {
  %x = fluxion.constant dense<[[1.0], [2.0], [4.0]]> : tensor<3x1xf32>
  %s = fluxion.constant dense<[2.0]> : tensor<1xf32>
  %o = fluxion.constant dense<[1.0]> : tensor<1xf32>
  %d0 = fluxion.constant dense<[[1.0], [2.0], [-1.0]]> : tensor<3x1xf32>
  %r:6 = fluxion.vjp(%x, %s, %o) cotangents(%d0) wrt [0, 1, 2] {
  ^bb0(%a: tensor<3x1xf32>, %c: tensor<1xf32>, %e: tensor<1xf32>):
    %b:3 = fluxion.batch_norm %a, %c, %e {epsilon = 0.1 : f64, feature_dim = 1 : i64} : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>) -> (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>)
    fluxion.yield %b#0, %b#1, %b#2 : tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>
  } : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<3x1xf32>) -> (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>)
  return %r#3, %r#4, %r#5 : tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>
}

//--- invalid.mlir

func.func @batch_norm_c1(%x: tensor<4x3xf32>, %s: tensor<4xf32>) {
  // expected-error@+2 {{batch_norm_c1: scale 'tensor<4xf32>' and offset 'tensor<4xf32>' must have one element for each feature (dimension 1) of 'tensor<4x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %y:3 = fluxion.batch_norm %x, %s, %s {epsilon = 0.1 : f64, feature_dim = 1 : i64} : (tensor<4x3xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4x3xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}
