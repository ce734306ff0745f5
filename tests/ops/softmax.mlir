// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.softmax %{{.+}} dim 0 : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [0.0900306, 0.244728, 0.665241]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %y = fluxion.softmax %x dim 0 : tensor<3xf32>
  return %y : tensor<3xf32>
}

// Neither overflows nor loses everything.
// CHECK-LABEL: func.func @large(
// CHECK: %{{.+}} = fluxion.softmax %{{.+}} dim 0 : tensor<2x2xf32>
// VALUE-LABEL: @large{{$}}
// VALUE-NEXT: result0: f32[2, 2] {{\[\[}}0.5, 0.5], [0.5, 0.5]]{{$}}
func.func @large() -> tensor<2x2xf32> {
  %x = fluxion.constant dense<[[1000.0, -1000.0], [1000.0, -1000.0]]> : tensor<2x2xf32>
  %y = fluxion.softmax %x dim 0 : tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [0.097751, 0.510443, -0.608194]{{$}}
func.func @adjoint() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, -1.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<3xf32>):
    %b = fluxion.softmax %a dim 0 : tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %r#1 : tensor<3xf32>
}

//--- invalid.mlir

func.func @softmax_c1(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{softmax_c1: dimension 2 is out of range for 'tensor<2x3xf32>'}}
  %y = fluxion.softmax %x dim 2 : tensor<2x3xf32>
  return
}
