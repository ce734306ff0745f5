// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}}:3 = fluxion.vjp(%{{.+}}, %{{.+}}) cotangents(%{{.+}}) wrt [0] {
// CHECK: ^bb0(%{{.+}}: tensor<3xf32>, %{{.+}}: tensor<i32>):
// CHECK: } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [1, 4, 9]{{$}}
// VALUE-NEXT: result1: i32[] 7{{$}}
// VALUE-NEXT: result2: f32[3] [2, 40, 600]{{$}}
func.func @value() -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %i = fluxion.constant dense<7> : tensor<i32>
  %d = fluxion.constant dense<[1.0, 10.0, 100.0]> : tensor<3xf32>
  %r:3 = fluxion.vjp(%x, %i) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
  return %r#0, %r#1, %r#2 : tensor<3xf32>, tensor<i32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @second_order(
// VALUE-LABEL: @second_order{{$}}
// VALUE-NEXT: result0: f32[] 12{{$}}
// The third power: 3 x^2, then 6 x.
func.func @second_order() -> tensor<f32> {
  %x = fluxion.constant dense<2.0> : tensor<f32>
  %one = fluxion.constant dense<1.0> : tensor<f32>
  %r:2 = fluxion.vjp(%x) cotangents(%one) wrt [0] {
  ^bb0(%a: tensor<f32>):
    %s:2 = fluxion.vjp(%a) cotangents(%one) wrt [0] {
    ^bb0(%b: tensor<f32>):
      %c = fluxion.mul %b, %b : tensor<f32>
      %e = fluxion.mul %c, %b : tensor<f32>
      fluxion.yield %e : tensor<f32>
    } : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
    fluxion.yield %s#1 : tensor<f32>
  } : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %r#1 : tensor<f32>
}

//--- invalid.mlir

func.func @vjp_c1(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{vjp_c1: region arguments must have the inputs' types, cotangents those of the first results}}
  %r:3 = fluxion.vjp(%x, %i) cotangents(%x) wrt [0] {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i64>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i64>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i64>, tensor<3xf32>)
  return
}

// -----

func.func @vjp_c1_cotangent(%x: tensor<3xf32>, %i: tensor<i32>, %d: tensor<4xf32>) {
  // expected-error@+1 {{vjp_c1: region arguments must have the inputs' types, cotangents those of the first results}}
  %r:3 = fluxion.vjp(%x, %i) cotangents(%d) wrt [0] {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<4xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
  return
}

// -----

func.func @vjp_c2(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{vjp_c2: wrt must be increasing and name float inputs}}
  %r:3 = fluxion.vjp(%x, %i) cotangents(%x) wrt [1] {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<i32>)
  return
}

// -----

func.func @vjp_c3(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{vjp_c3: results must be the region's results, then the wrt inputs' cotangents}}
  %r:2 = fluxion.vjp(%x, %i) cotangents(%x) wrt [0] {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>)
  return
}
