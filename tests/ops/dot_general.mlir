// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.dot_general %{{.+}}, %{{.+}} contracting [1] x [0] : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2, 2] {{\[\[}}4, 5], [10, 11]]{{$}}
func.func @value() -> tensor<2x2xf32> {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = fluxion.constant dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]> : tensor<3x2xf32>
  %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @batched(
// CHECK: %{{.+}} = fluxion.dot_general %{{.+}}, %{{.+}} batching [0] x [1] contracting [1] x [0] : (tensor<2x2xi32>, tensor<2x2xi32>) -> tensor<2xi32>
// VALUE-LABEL: @batched{{$}}
// VALUE-NEXT: result0: i32[2] [19, 50]{{$}}
func.func @batched() -> tensor<2xi32> {
  %x = fluxion.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi32>
  %y = fluxion.constant dense<[[5, 6], [7, 8]]> : tensor<2x2xi32>
  %z = fluxion.dot_general %x, %y batching [0] x [1] contracting [1] x [0] : (tensor<2x2xi32>, tensor<2x2xi32>) -> tensor<2xi32>
  return %z : tensor<2xi32>
}

// CHECK-LABEL: func.func @outer(
// CHECK: %{{.+}} = fluxion.dot_general %{{.+}}, %{{.+}} contracting [] x [] : (tensor<2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
// VALUE-LABEL: @outer{{$}}
// VALUE-NEXT: result0: f32[2, 2] {{\[\[}}3, 4], [6, 8]]{{$}}
func.func @outer() -> tensor<2x2xf32> {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = fluxion.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %z = fluxion.dot_general %x, %y contracting [] x [] : (tensor<2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}1, 2, 3], [-1, 0, -1]]{{$}}
// VALUE-NEXT: result1: f32[3, 2] {{\[\[}}-3, 2], [-3, 4], [-3, 6]]{{$}}
func.func @adjoint() -> (tensor<2x3xf32>, tensor<3x2xf32>) {
  %x = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = fluxion.constant dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]> : tensor<3x2xf32>
  %d0 = fluxion.constant dense<[[1.0, 2.0], [-1.0, 0.0]]> : tensor<2x2xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d0) wrt [0, 1] {
  ^bb0(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>):
    %c = fluxion.dot_general %a, %b contracting [1] x [0] : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
    fluxion.yield %c : tensor<2x2xf32>
  } : (tensor<2x3xf32>, tensor<3x2xf32>, tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x3xf32>, tensor<3x2xf32>)
  return %r#1, %r#2 : tensor<2x3xf32>, tensor<3x2xf32>
}

// bf16 factors, whose sums 4 + 2^-7 and 257 no bf16 has.
// CHECK-LABEL: func.func @wide_result(
// CHECK: fluxion.dot_general %{{.+}}, %{{.+}} contracting [1] x [0] {wide_result} : (tensor<2x2xbf16>, tensor<2x1xbf16>) -> tensor<2x1xf32>
// VALUE-LABEL: @wide_result{{$}}
// VALUE-NEXT: result0: f32[2, 1] {{\[\[}}4.0078{{[0-9]*}}], [257]]{{$}}
// VALUE-NEXT: result1: f32[2, 2] {{\[\[}}2, 0.0078125], [4, 0.015625]]{{$}}
func.func @wide_result() -> (tensor<2x1xf32>, tensor<2x2xbf16>) {
  %x = fluxion.constant dense<[[2.0, 1.0], [128.0, 128.0]]> : tensor<2x2xbf16>
  %y = fluxion.constant dense<[[2.0], [0.0078125]]> : tensor<2x1xbf16>
  %d = fluxion.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %r:3 = fluxion.vjp(%x, %y) cotangents(%d) wrt [0, 1] {
  ^bb0(%a: tensor<2x2xbf16>, %b: tensor<2x1xbf16>):
    %c = fluxion.dot_general %a, %b contracting [1] x [0] {wide_result} : (tensor<2x2xbf16>, tensor<2x1xbf16>) -> tensor<2x1xf32>
    fluxion.yield %c : tensor<2x1xf32>
  } : (tensor<2x2xbf16>, tensor<2x1xbf16>, tensor<2x1xf32>) -> (tensor<2x1xf32>, tensor<2x2xbf16>, tensor<2x1xbf16>)
  return %r#0, %r#1 : tensor<2x1xf32>, tensor<2x2xbf16>
}

// CHECK-LABEL: func.func @precision(
// CHECK: precision = #fluxion<precision tf32>
func.func @precision() -> tensor<2x2xf32> {
  %x = fluxion.constant dense<2.0> : tensor<2x2xf32>
  %z = fluxion.dot_general %x, %x contracting [1] x [0] {precision = #fluxion<precision tf32>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

//--- invalid.mlir

func.func @dot_general_c1(%x: tensor<2x3xf32>, %y: tensor<4x2xf32>) {
  // expected-error@+2 {{dot_general_c1: 0 and 0 batching, 1 and 0 contracting dimensions}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %y contracting [0] x [] : (tensor<2x3xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @dot_general_c2(%x: tensor<2x3xf32>, %y: tensor<4x2xf32>) {
  // expected-error@+2 {{dot_general_c2: a dimension is out of range or named twice}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %y contracting [0] x [2] : (tensor<2x3xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @dot_general_c2_twice(%x: tensor<2x3xf32>, %y: tensor<4x2xf32>) {
  // expected-error@+2 {{dot_general_c2: a dimension is out of range or named twice}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %y batching [0] x [1] contracting [0] x [1] : (tensor<2x3xf32>, tensor<4x2xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @dot_general_c3(%x: tensor<2x3xf32>, %y: tensor<4x2xf32>) {
  // expected-error@+2 {{dot_general_c3: lhs dimension 1 has size 3 but rhs dimension 0 has size 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<2x3xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @dot_general_c4(%x: tensor<2x3xf32>, %y: tensor<3xf64>) {
  // expected-error@+2 {{dot_general_c4: element types 'f32' and 'f64' differ}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<2x3xf32>, tensor<3xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @dot_general_c5_wide(%x: tensor<2x2xf32>) {
  // expected-error@+2 {{dot_general_c5: 'f32' operands have no wide result}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %x contracting [1] x [0] {wide_result} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @dot_general_c5_tf32(%x: tensor<2x2xf64>) {
  // expected-error@+2 {{dot_general_c5: 'f64' operands have no precision tf32}}
  // expected-error@+1 {{failed to infer returned types}}
  %z = fluxion.dot_general %x, %x contracting [1] x [0] {precision = #fluxion<precision tf32>} : (tensor<2x2xf64>, tensor<2x2xf64>) -> tensor<2x2xf64>
  return
}
