// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.slice %{{.+}} from [1] to [6] by [2] : (tensor<6xf32>) -> tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [1, 3, 5]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<6xf32>
  %y = fluxion.slice %x from [1] to [6] by [2] : (tensor<6xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @empty(
// CHECK: %{{.+}} = fluxion.slice %{{.+}} from [2] to [2] by [1] : (tensor<6xf32>) -> tensor<0xf32>
// VALUE-LABEL: @empty{{$}}
// VALUE-NEXT: result0: f32[0] []{{$}}
func.func @empty() -> tensor<0xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<6xf32>
  %y = fluxion.slice %x from [2] to [2] by [1] : (tensor<6xf32>) -> tensor<0xf32>
  return %y : tensor<0xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[6] [0, 1, 0, 2, 0, 3]{{$}}
func.func @adjoint() -> tensor<6xf32> {
  %x = fluxion.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<6xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<6xf32>):
    %b = fluxion.slice %a from [1] to [6] by [2] : (tensor<6xf32>) -> tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<6xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<6xf32>)
  return %r#1 : tensor<6xf32>
}

//--- invalid.mlir

func.func @slice_c1(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{slice_c1: 'tensor<2x3xf32>' needs 2 starts, limits and strides}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.slice %x from [1] to [2] by [1] : (tensor<2x3xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{slice_c2: [1, 4) by 1 is not a slice of dimension 1 with size 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.slice %x from [0, 1] to [2, 4] by [1, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
