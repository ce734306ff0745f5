// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.custom_vjp(%{{.+}}) {
// CHECK: } backward {
// CHECK: } : (tensor<3xf32>) -> tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [0, 1, 2]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.25, 1.0, 1.75]> : tensor<3xf32>
  %y = fluxion.custom_vjp(%x) {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.round %a : tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } backward {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>, %db: tensor<3xf32>):
    fluxion.yield %db : tensor<3xf32>
  } : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [1, 2, 3]{{$}}
// The user's rule: straight through, where rounding has no derivative.
func.func @adjoint() -> tensor<3xf32> {
  %p = fluxion.constant dense<[0.25, 1.0, 1.75]> : tensor<3xf32>
  %d = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%p) cotangents(%d) wrt [0] {
  ^bb0(%x: tensor<3xf32>):
    %y = fluxion.custom_vjp(%x) {
    ^bb0(%a: tensor<3xf32>):
      %b = fluxion.round %a : tensor<3xf32>
      fluxion.yield %b : tensor<3xf32>
    } backward {
    ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>, %db: tensor<3xf32>):
      fluxion.yield %db : tensor<3xf32>
    } : (tensor<3xf32>) -> tensor<3xf32>
    fluxion.yield %y : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %r#1 : tensor<3xf32>
}

//--- invalid.mlir

func.func @custom_vjp_c1(%x: tensor<3xf32>) {
  // expected-error@+1 {{custom_vjp_c1: primal maps inputs to results; backward maps inputs, results and their cotangents to one cotangent for each input}}
  %y = fluxion.custom_vjp(%x) {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.round %a : tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } backward {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>):
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @custom_vjp_c1_yield(%x: tensor<3xf32>) {
  // expected-error@+1 {{custom_vjp_c1: primal maps inputs to results; backward maps}}
  %y = fluxion.custom_vjp(%x) {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.round %a : tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } backward {
  ^bb0(%a: tensor<3xf32>, %b: tensor<3xf32>, %db: tensor<3xf32>):
    fluxion.yield %db, %db : tensor<3xf32>, tensor<3xf32>
  } : (tensor<3xf32>) -> tensor<3xf32>
  return
}
