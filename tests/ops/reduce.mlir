// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @sum(
// CHECK: %{{.+}} = fluxion.reduce sum %{{.+}} dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// VALUE-LABEL: @sum{{$}}
// VALUE-NEXT: result0: f32[2] [11, 2.5]{{$}}
func.func @sum() -> tensor<2xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.reduce sum %x dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @sum_all(
// CHECK: %{{.+}} = fluxion.reduce sum %{{.+}} dims [0, 1] : (tensor<2x3xf32>) -> tensor<f32>
// VALUE-LABEL: @sum_all{{$}}
// VALUE-NEXT: result0: f32[] 13.5{{$}}
func.func @sum_all() -> tensor<f32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.reduce sum %x dims [0, 1] : (tensor<2x3xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @sum_none(
// CHECK: %{{.+}} = fluxion.reduce sum %{{.+}} dims [] : (tensor<2x3xf32>) -> tensor<2x3xf32>
// VALUE-LABEL: @sum_none{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}1, 5, 5], [4, -2, 0.5]]{{$}}
func.func @sum_none() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.reduce sum %x dims [] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @prod(
// CHECK: %{{.+}} = fluxion.reduce prod %{{.+}} dims [0] : (tensor<2x3xf32>) -> tensor<3xf32>
// VALUE-LABEL: @prod{{$}}
// VALUE-NEXT: result0: f32[3] [4, -10, 2.5]{{$}}
func.func @prod() -> tensor<3xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.reduce prod %x dims [0] : (tensor<2x3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @max(
// CHECK: %{{.+}} = fluxion.reduce max %{{.+}} dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// VALUE-LABEL: @max{{$}}
// VALUE-NEXT: result0: f32[2] [5, 4]{{$}}
func.func @max() -> tensor<2xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.reduce max %x dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @min(
// CHECK: %{{.+}} = fluxion.reduce min %{{.+}} dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// VALUE-LABEL: @min{{$}}
// VALUE-NEXT: result0: f32[2] [1, -2]{{$}}
func.func @min() -> tensor<2xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %y = fluxion.reduce min %x dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @max_nan(
// CHECK: %{{.+}} = fluxion.reduce max %{{.+}} dims [0] : (tensor<3xf32>) -> tensor<f32>
// VALUE-LABEL: @max_nan{{$}}
// VALUE-NEXT: result0: f32[] nan{{$}}
func.func @max_nan() -> tensor<f32> {
  %x = fluxion.constant dense<[1.0, 0x7FC00000, 3.0]> : tensor<3xf32>
  %y = fluxion.reduce max %x dims [0] : (tensor<3xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @and(
// CHECK: %{{.+}} = fluxion.reduce and %{{.+}} dims [1] : (tensor<2x2xi1>) -> tensor<2xi1>
// VALUE-LABEL: @and{{$}}
// VALUE-NEXT: result0: i1[2] [1, 0]{{$}}
func.func @and() -> tensor<2xi1> {
  %x = fluxion.constant dense<[[true, true], [true, false]]> : tensor<2x2xi1>
  %y = fluxion.reduce and %x dims [1] : (tensor<2x2xi1>) -> tensor<2xi1>
  return %y : tensor<2xi1>
}

// CHECK-LABEL: func.func @or(
// CHECK: %{{.+}} = fluxion.reduce or %{{.+}} dims [0] : (tensor<2xi32>) -> tensor<i32>
// VALUE-LABEL: @or{{$}}
// VALUE-NEXT: result0: i32[] 14{{$}}
func.func @or() -> tensor<i32> {
  %x = fluxion.constant dense<[12, 10]> : tensor<2xi32>
  %y = fluxion.reduce or %x dims [0] : (tensor<2xi32>) -> tensor<i32>
  return %y : tensor<i32>
}

// CHECK-LABEL: func.func @sum_wraps(
// CHECK: %{{.+}} = fluxion.reduce sum %{{.+}} dims [0] : (tensor<2xi8>) -> tensor<i8>
// VALUE-LABEL: @sum_wraps{{$}}
// VALUE-NEXT: result0: i8[] -56{{$}}
func.func @sum_wraps() -> tensor<i8> {
  %x = fluxion.constant dense<[100, 100]> : tensor<2xi8>
  %y = fluxion.reduce sum %x dims [0] : (tensor<2xi8>) -> tensor<i8>
  return %y : tensor<i8>
}

// CHECK-LABEL: func.func @empty(
// CHECK: %{{.+}} = fluxion.reduce max %{{.+}} dims [1] : (tensor<2x0xf32>) -> tensor<2xf32>
// VALUE-LABEL: @empty{{$}}
// VALUE-NEXT: result0: f32[2] [-inf, -inf]{{$}}
func.func @empty() -> tensor<2xf32> {
  %x = fluxion.constant dense<> : tensor<2x0xf32>
  %y = fluxion.reduce max %x dims [1] : (tensor<2x0xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @adjoint_sum(
// VALUE-LABEL: @adjoint_sum{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}1, 1, 1], [2, 2, 2]]{{$}}
func.func @adjoint_sum() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x3xf32>):
    %b = fluxion.reduce sum %a dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
    fluxion.yield %b : tensor<2xf32>
  } : (tensor<2x3xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2x3xf32>)
  return %r#1 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @adjoint_prod(
// VALUE-LABEL: @adjoint_prod{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}4, -4, 2], [1, 10, 20]]{{$}}
func.func @adjoint_prod() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0, 4.0]> : tensor<3xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x3xf32>):
    %b = fluxion.reduce prod %a dims [0] : (tensor<2x3xf32>) -> tensor<3xf32>
    fluxion.yield %b : tensor<3xf32>
  } : (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<2x3xf32>)
  return %r#1 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @adjoint_max_splits_ties(
// VALUE-LABEL: @adjoint_max_splits_ties{{$}}
// VALUE-NEXT: result0: f32[2, 3] {{\[\[}}0, 0.5, 0.5], [2, 0, 0]]{{$}}
func.func @adjoint_max_splits_ties() -> tensor<2x3xf32> {
  %x = fluxion.constant dense<[[1.0, 5.0, 5.0], [4.0, -2.0, 0.5]]> : tensor<2x3xf32>
  %d0 = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2x3xf32>):
    %b = fluxion.reduce max %a dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
    fluxion.yield %b : tensor<2xf32>
  } : (tensor<2x3xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2x3xf32>)
  return %r#1 : tensor<2x3xf32>
}

//--- invalid.mlir

func.func @reduce_c1(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{reduce_c1: dimensions must be increasing and below the rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce sum %x dims [2] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c1_order(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{reduce_c1: dimensions must be increasing and below the rank 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce sum %x dims [1, 0] : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{reduce_c2: and does not take elements of type 'f32'}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce and %x dims [0] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @reduce_c2_predicate(%x: tensor<2xi1>) {
  // expected-error@+2 {{reduce_c2: sum does not take elements of type 'i1'}}
  // expected-error@+1 {{failed to infer returned types}}
  %y = fluxion.reduce sum %x dims [0] : (tensor<2xi1>) -> tensor<i1>
  return
}
