// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}}:3 = fluxion.jvp(%{{.+}}, %{{.+}}) tangents(%{{.+}}) wrt [0] of 1 {
// CHECK: } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [1, 4, 9]{{$}}
// VALUE-NEXT: result1: i32[] 7{{$}}
// VALUE-NEXT: result2: f32[3] [2, 40, 600]{{$}}
func.func @value() -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>) {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %i = fluxion.constant dense<7> : tensor<i32>
  %d = fluxion.constant dense<[1.0, 10.0, 100.0]> : tensor<3xf32>
  %r:3 = fluxion.jvp(%x, %i) tangents(%d) wrt [0] of 1 {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
  return %r#0, %r#1, %r#2 : tensor<3xf32>, tensor<i32>, tensor<3xf32>
}

//--- invalid.mlir

func.func @jvp_c1(%x: tensor<3xf32>, %i: tensor<i32>, %d: tensor<4xf32>) {
  // expected-error@+1 {{jvp_c1: region arguments must have the inputs' types, tangents those of the wrt inputs}}
  %r:3 = fluxion.jvp(%x, %i) tangents(%d) wrt [0] of 1 {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<4xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
  return
}

// -----

func.func @jvp_c1_wrt(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{jvp_c1: region arguments must have the inputs' types, tangents those of the wrt inputs}}
  %r:3 = fluxion.jvp(%x, %i) tangents(%x) wrt [1] of 1 {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
  return
}

// -----

func.func @jvp_c2(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{jvp_c2: num_tangents exceeds the region's results}}
  %r:3 = fluxion.jvp(%x, %i) tangents(%x) wrt [0] of 3 {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>, tensor<3xf32>)
  return
}

// -----

func.func @jvp_c2_negative(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{jvp_c2: num_tangents exceeds the region's results}}
  %r:2 = fluxion.jvp(%x, %i) tangents(%x) wrt [0] of -1 {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>)
  return
}

// -----

func.func @jvp_c2_results(%x: tensor<3xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{jvp_c2: results must be the region's results, then the tangents of the first num_tangents}}
  %r:2 = fluxion.jvp(%x, %i) tangents(%x) wrt [0] of 1 {
  ^bb0(%a: tensor<3xf32>, %j: tensor<i32>):
    %b = fluxion.mul %a, %a : tensor<3xf32>
    fluxion.yield %b, %j : tensor<3xf32>, tensor<i32>
  } : (tensor<3xf32>, tensor<i32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<i32>)
  return
}
