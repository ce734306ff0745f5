// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}}:2 = fluxion.kernel map "exp_neg"(%{{.+}}) {
// CHECK: } : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [1, 2.71828]{{$}}
// VALUE-NEXT: result1: f32[2] [-1, -2.71828]{{$}}
func.func @value() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = fluxion.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %r:2 = fluxion.kernel map "exp_neg"(%x) {
  ^bb0(%a: tensor<2xf32>):
    %b = fluxion.exp %a : tensor<2xf32>
    %c = fluxion.neg %b : tensor<2xf32>
    fluxion.yield %b, %c : tensor<2xf32>, tensor<2xf32>
  } : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @planned(
// CHECK: fluxion.kernel map "exp_neg"(%{{.+}}) schedule <{backend = "llvm-loops"}> at [#fluxion.place<arena, 64>, #fluxion.place<output, 1>] {
// VALUE-LABEL: @planned{{$}}
// VALUE-NEXT: result0: f32[2] [1, 2.71828]{{$}}
// VALUE-NEXT: result1: f32[2] [-1, -2.71828]{{$}}
func.func @planned() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = fluxion.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %r:2 = fluxion.kernel map "exp_neg"(%x) schedule <{backend = "llvm-loops"}> at [#fluxion.place<arena, 64>, #fluxion.place<output, 1>] {
  ^bb0(%a: tensor<2xf32>):
    %b = fluxion.exp %a : tensor<2xf32>
    %c = fluxion.neg %b : tensor<2xf32>
    fluxion.yield %b, %c : tensor<2xf32>, tensor<2xf32>
  } : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<2xf32>
}

//--- invalid.mlir

func.func @kernel_c1(%x: tensor<3xf32>) {
  // expected-error@+1 {{kernel_c1: block arguments must have the operands' types, yielded values the results' types}}
  %r:2 = fluxion.kernel map "exp_neg"(%x) {
  ^bb0(%a: tensor<2xf32>):
    %b = fluxion.exp %a : tensor<2xf32>
    %c = fluxion.neg %b : tensor<2xf32>
    fluxion.yield %b, %c : tensor<2xf32>, tensor<2xf32>
  } : (tensor<3xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @kernel_c1_results(%x: tensor<2xf32>) {
  // expected-error@+1 {{kernel_c1: block arguments must have the operands' types, yielded values the results' types}}
  %r:2 = fluxion.kernel map "exp_neg"(%x) {
  ^bb0(%a: tensor<2xf32>):
    %b = fluxion.exp %a : tensor<2xf32>
    %c = fluxion.neg %b : tensor<2xf32>
    fluxion.yield %b, %c : tensor<2xf32>, tensor<2xf32>
  } : (tensor<2xf32>) -> (tensor<2xf32>, tensor<3xf32>)
  return
}

// -----

func.func @kernel_c2(%x: tensor<2xf32>) {
  // expected-error@+1 {{kernel_c2: 1 places for 2 results}}
  %r:2 = fluxion.kernel map "exp_neg"(%x) at [#fluxion.place<arena, 0>] {
  ^bb0(%a: tensor<2xf32>):
    %b = fluxion.exp %a : tensor<2xf32>
    %c = fluxion.neg %b : tensor<2xf32>
    fluxion.yield %b, %c : tensor<2xf32>, tensor<2xf32>
  } : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return
}
