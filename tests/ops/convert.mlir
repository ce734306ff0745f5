// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @truncates(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<3xf32>) -> tensor<3xi32>
// VALUE-LABEL: @truncates{{$}}
// VALUE-NEXT: result0: i32[3] [1, -1, 0]{{$}}
func.func @truncates() -> tensor<3xi32> {
  %x = fluxion.constant dense<[1.75, -1.75, 0x7FC00000]> : tensor<3xf32>
  %y = fluxion.convert %x : (tensor<3xf32>) -> tensor<3xi32>
  return %y : tensor<3xi32>
}

// CHECK-LABEL: func.func @saturates(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<3xf32>) -> tensor<3xi8>
// VALUE-LABEL: @saturates{{$}}
// VALUE-NEXT: result0: i8[3] [127, -128, 127]{{$}}
func.func @saturates() -> tensor<3xi8> {
  %x = fluxion.constant dense<[300.0, -300.0, 0x7F800000]> : tensor<3xf32>
  %y = fluxion.convert %x : (tensor<3xf32>) -> tensor<3xi8>
  return %y : tensor<3xi8>
}

// CHECK-LABEL: func.func @saturates_unsigned(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<2xf32>) -> tensor<2xui8>
// VALUE-LABEL: @saturates_unsigned{{$}}
// VALUE-NEXT: result0: u8[2] [255, 0]{{$}}
func.func @saturates_unsigned() -> tensor<2xui8> {
  %x = fluxion.constant dense<[300.0, -1.0]> : tensor<2xf32>
  %y = fluxion.convert %x : (tensor<2xf32>) -> tensor<2xui8>
  return %y : tensor<2xui8>
}

// CHECK-LABEL: func.func @saturates_wide(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<2xf32>) -> tensor<2xi64>
// VALUE-LABEL: @saturates_wide{{$}}
// VALUE-NEXT: result0: i64[2] [9223372036854775807, -9223372036854775808]{{$}}
func.func @saturates_wide() -> tensor<2xi64> {
  %x = fluxion.constant dense<[1.0e+30, 0xFF800000]> : tensor<2xf32>
  %y = fluxion.convert %x : (tensor<2xf32>) -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// CHECK-LABEL: func.func @wraps(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<2xi32>) -> tensor<2xi8>
// VALUE-LABEL: @wraps{{$}}
// VALUE-NEXT: result0: i8[2] [44, 127]{{$}}
func.func @wraps() -> tensor<2xi8> {
  %x = fluxion.constant dense<[300, -129]> : tensor<2xi32>
  %y = fluxion.convert %x : (tensor<2xi32>) -> tensor<2xi8>
  return %y : tensor<2xi8>
}

// CHECK-LABEL: func.func @to_predicate(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<3xf32>) -> tensor<3xi1>
// VALUE-LABEL: @to_predicate{{$}}
// VALUE-NEXT: result0: i1[3] [0, 1, 1]{{$}}
func.func @to_predicate() -> tensor<3xi1> {
  %x = fluxion.constant dense<[0.0, 0.5, 0x7FC00000]> : tensor<3xf32>
  %y = fluxion.convert %x : (tensor<3xf32>) -> tensor<3xi1>
  return %y : tensor<3xi1>
}

// CHECK-LABEL: func.func @from_predicate(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<2xi1>) -> tensor<2xf32>
// VALUE-LABEL: @from_predicate{{$}}
// VALUE-NEXT: result0: f32[2] [1, 0]{{$}}
func.func @from_predicate() -> tensor<2xf32> {
  %x = fluxion.constant dense<[true, false]> : tensor<2xi1>
  %y = fluxion.convert %x : (tensor<2xi1>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @from_unsigned(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<2xui8>) -> tensor<2xi32>
// VALUE-LABEL: @from_unsigned{{$}}
// VALUE-NEXT: result0: i32[2] [200, 1]{{$}}
func.func @from_unsigned() -> tensor<2xi32> {
  %x = fluxion.constant dense<[200, 1]> : tensor<2xui8>
  %y = fluxion.convert %x : (tensor<2xui8>) -> tensor<2xi32>
  return %y : tensor<2xi32>
}

// CHECK-LABEL: func.func @rounds_to_even(
// CHECK: %{{.+}} = fluxion.convert %{{.+}} : (tensor<2xf32>) -> tensor<2xbf16>
// VALUE-LABEL: @rounds_to_even{{$}}
// VALUE-NEXT: result0: f32[2] [1, 1.01562]{{$}}
func.func @rounds_to_even() -> tensor<2xbf16> {
  %x = fluxion.constant dense<[1.00390625, 1.01171875]> : tensor<2xf32>
  %y = fluxion.convert %x : (tensor<2xf32>) -> tensor<2xbf16>
  return %y : tensor<2xbf16>
}

// CHECK-LABEL: func.func @adjoint(
// VALUE-LABEL: @adjoint{{$}}
// VALUE-NEXT: result0: f32[2] [3, 4]{{$}}
func.func @adjoint() -> tensor<2xf32> {
  %x = fluxion.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %d0 = fluxion.constant dense<[3.0, 4.0]> : tensor<2xf64>
  %r:2 = fluxion.vjp(%x) cotangents(%d0) wrt [0] {
  ^bb0(%a: tensor<2xf32>):
    %b = fluxion.convert %a : (tensor<2xf32>) -> tensor<2xf64>
    fluxion.yield %b : tensor<2xf64>
  } : (tensor<2xf32>, tensor<2xf64>) -> (tensor<2xf64>, tensor<2xf32>)
  return %r#1 : tensor<2xf32>
}

//--- invalid.mlir

func.func @shape(%x: tensor<3xf32>) {
  // expected-error@+1 {{requires the same shape for all operands and results}}
  %y = fluxion.convert %x : (tensor<3xf32>) -> tensor<4xi32>
  return
}
