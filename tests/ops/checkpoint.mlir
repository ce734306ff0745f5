// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.checkpoint(%{{.+}}) {
// CHECK: } : (tensor<3xf32>) -> tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [0, 2.71828, 14.7781]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %y = fluxion.checkpoint(%x) {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.exp %a : tensor<3xf32>
    %c = fluxion.mul %b, %a : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 5.43656, 22.1672]{{$}}
func.func @adjoint() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %d = fluxion.constant dense<1.0> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d) wrt [0] {
  ^bb0(%p: tensor<3xf32>):
    %y = fluxion.checkpoint(%p) {
    ^bb0(%a: tensor<3xf32>):
      %b = fluxion.exp %a : tensor<3xf32>
      %c = fluxion.mul %b, %a : tensor<3xf32>
      fluxion.yield %c : tensor<3xf32>
    } : (tensor<3xf32>) -> tensor<3xf32>
    fluxion.yield %y : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %r#1 : tensor<3xf32>
}

//--- invalid.mlir

func.func @checkpoint_c1(%x: tensor<4xf32>) {
  // expected-error@+1 {{checkpoint_c1: region arguments must have the inputs' types, results those of the yield}}
  %y = fluxion.checkpoint(%x) {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.exp %a : tensor<3xf32>
    %c = fluxion.mul %b, %a : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @checkpoint_c1_result(%x: tensor<3xf32>) {
  // expected-error@+1 {{checkpoint_c1: region arguments must have the inputs' types, results those of the yield}}
  %y = fluxion.checkpoint(%x) {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.exp %a : tensor<3xf32>
    %c = fluxion.mul %b, %a : tensor<3xf32>
    fluxion.yield %c : tensor<3xf32>
  } : (tensor<3xf32>) -> tensor<4xf32>
  return
}
