// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.concatenate %{{.+}}, %{{.+}} dim 1 : (tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}1, 2, 3], [4, 5, 6]]{{$}}
func.func @value() -> tensor<2x3xf32> {
  %a = fluxion.constant dense<[[1.0], [4.0]]> : tensor<2x1xf32>
  %b = fluxion.constant dense<[[2.0, 3.0], [5.0, 6.0]]> : tensor<2x2xf32>
  %y = fluxion.concatenate %a, %b dim 1 : (tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2, 1] {{\[\[}}1], [4]]{{$}}
// VALUE-NEXT: result1: f32[2, 2] {{\[\[}}2, 3], [5, 6]]{{$}}
func.func @adjoint() -> (tensor<2x1xf32>, tensor<2x2xf32>) {
  %x = fluxion.constant dense<[[1.0], [4.0]]> : tensor<2x1xf32>
  %y = fluxion.constant dense<[[2.0, 3.0], [5.0, 6.0]]> : tensor<2x2xf32>
  %d0 = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<2x1xf32>, %b: tensor<2x2xf32>):
    %c = fluxion.concatenate %a, %b dim 1 : (tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x3xf32>
    fluxion.yield %c : tensor<2x3xf32>
  } : (tensor<2x1xf32>, tensor<2x2xf32>, tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x2xf32>)
  return %r#1, %r#2 : tensor<2x1xf32>, tensor<2x2xf32>
}

//--- invalid.mlir

func.func @concatenate_c1(%x: tensor<4xf32>) {
  // expected-error@+2 {{concatenate_c1: dimension 1 is out of range for 'tensor<4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.concatenate %x, %x dim 1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @concatenate_c1_none() {
  // expected-error@+2 {{concatenate_c1: no operands}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = "fluxion.concatenate"() <{dim = 0 : i64}> : () -> tensor<8xf32>
  return
}

// -----

func.func @concatenate_c2(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) {
  // expected-error@+2 {{concatenate_c2: 'tensor<3x3xf32>' and 'tensor<2x3xf32>' differ outside dimension 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.concatenate %x, %y dim 1 : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x6xf32>
  return
}
