// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.dropout %{{.+}}, %{{.+}}, %{{.+}} stream 2 rate 5.000000e-01 : tensor<5xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[5] [2, 4, 0, 8, 10]{{$}}
func.func @value() -> tensor<5xf32> {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<5xf32>
  %s = fluxion.constant dense<7> : tensor<i64>
  %t = fluxion.constant dense<3> : tensor<i64>
  %y = fluxion.dropout %x, %s, %t stream 2 rate 5.000000e-01 : tensor<5xf32>
  return %y : tensor<5xf32>
}

// The same draw decides again.
// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[5] [2, 2, 0, 2, 2]{{$}}
func.func @adjoint() -> tensor<5xf32> {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<5xf32>
  %s = fluxion.constant dense<7> : tensor<i64>
  %t = fluxion.constant dense<3> : tensor<i64>
  %d0 = fluxion.constant dense<[1.0, 1.0, 1.0, 1.0, 1.0]> : tensor<5xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<5xf32>):
    %b = fluxion.dropout %a, %s, %t stream 2 rate 0.5 : tensor<5xf32>
    fluxion.yield %b : tensor<5xf32>
  } : (tensor<5xf32>, tensor<5xf32>) -> (tensor<5xf32>, tensor<5xf32>)
  return %r#1 : tensor<5xf32>
}

//--- invalid.mlir

func.func @dropout_c1(%x: tensor<5xf32>, %s: tensor<i64>) {
  // expected-error@+1 {{dropout_c1: the rate must be in}}
  %y = fluxion.dropout %x, %s, %s stream 2 rate 1.0 : tensor<5xf32>
  return
}
