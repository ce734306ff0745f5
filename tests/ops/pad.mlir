// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.pad %{{.+}} with %{{.+}} low [1] high [-1] interior [1] : (tensor<3xf32>, tensor<f32>) -> tensor<5xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[5] [9, 1, 9, 2, 9]{{$}}
func.func @value() -> tensor<5xf32> {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %v = fluxion.constant dense<9.0> : tensor<f32>
  %y = fluxion.pad %x with %v low [1] high [-1] interior [1] : (tensor<3xf32>, tensor<f32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[3] [2, 8, 0]{{$}}
// VALUE-NEXT: result1: f32[] 21{{$}}
func.func @adjoint() -> (tensor<3xf32>, tensor<f32>) {
  %x = fluxion.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %v = fluxion.constant dense<9.0> : tensor<f32>
  %d0 = fluxion.constant dense<[1.0, 2.0, 4.0, 8.0, 16.0]> : tensor<5xf32>
  %r:3 = fluxion.vjp(%x, %v) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<3xf32>, %w: tensor<f32>):
    %b = fluxion.pad %a with %w low [1] high [-1] interior [1] : (tensor<3xf32>, tensor<f32>) -> tensor<5xf32>
    fluxion.yield %b : tensor<5xf32>
  } : (tensor<3xf32>, tensor<f32>, tensor<5xf32>) -> (tensor<5xf32>, tensor<3xf32>, tensor<f32>)
  return %r#1, %r#2 : tensor<3xf32>, tensor<f32>
}

//--- invalid.mlir

func.func @pad_c1(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error@+2 {{pad_c1: 'tensor<4xf32>' needs 1 lows, highs and interiors, the interiors at least 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.pad %x with %v low [1] high [1] interior [-1] : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_c2(%x: tensor<4xf32>, %v: tensor<f32>) {
  // expected-error@+2 {{pad_c2: dimension 0 would have size -1}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.pad %x with %v low [-3] high [-2] interior [0] : (tensor<4xf32>, tensor<f32>) -> tensor<0xf32>
  return
}

// -----

func.func @pad_c2_value(%x: tensor<4xf32>, %v: tensor<f64>) {
  // expected-error@+2 {{pad_c2: the padding value 'tensor<f64>' is not a scalar of the element type of 'tensor<4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.pad %x with %v low [0] high [0] interior [0] : (tensor<4xf32>, tensor<f64>) -> tensor<4xf32>
  return
}
