// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: fluxion.yield %{{.+}}, %{{.+}} : tensor<2xf32>, tensor<i32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2] [1, 2]{{$}}
// VALUE-NEXT: result1: i32[] 3{{$}}
func.func @value() -> (tensor<2xf32>, tensor<i32>) {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = fluxion.constant dense<3> : tensor<i32>
  %r:2 = fluxion.checkpoint(%x, %i) {
  ^bb0(%a: tensor<2xf32>, %b: tensor<i32>):
    fluxion.yield %a, %b : tensor<2xf32>, tensor<i32>
  } : (tensor<2xf32>, tensor<i32>) -> (tensor<2xf32>, tensor<i32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<i32>
}

// CHECK-LABEL: func.func @nothing(
// CHECK: fluxion.yield{{$}}
// VALUE-LABEL: @nothing{{$}}
func.func @nothing() {
  fluxion.checkpoint() {
    fluxion.yield
  } : () -> ()
  return
}

//--- invalid.mlir

func.func @last(%x: tensor<2xf32>) {
  %r = fluxion.checkpoint(%x) {
  ^bb0(%a: tensor<2xf32>):
    // expected-error@+1 {{must be the last operation in the parent block}}
    fluxion.yield %a : tensor<2xf32>
    %b = fluxion.exp %a : tensor<2xf32>
  } : (tensor<2xf32>) -> tensor<2xf32>
  return
}
