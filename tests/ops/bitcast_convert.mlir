// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.bitcast_convert %{{.+}} : (tensor<2xf32>) -> tensor<2xi32>
// CHECK: %{{.+}} = fluxion.bitcast_convert %{{.+}} : (tensor<2xi32>) -> tensor<2xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i32[2] [1065353216, -1073741824]{{$}}
// VALUE-NEXT: result1: f32[2] [1, -2]{{$}}
func.func @value() -> (tensor<2xi32>, tensor<2xf32>) {
  %x = fluxion.constant dense<[1.0, -2.0]> : tensor<2xf32>
  %y = fluxion.bitcast_convert %x : (tensor<2xf32>) -> tensor<2xi32>
  %z = fluxion.bitcast_convert %y : (tensor<2xi32>) -> tensor<2xf32>
  return %y, %z : tensor<2xi32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @halves(
// CHECK: %{{.+}} = fluxion.bitcast_convert %{{.+}} : (tensor<2xf16>) -> tensor<2xi16>
// CHECK: %{{.+}} = fluxion.bitcast_convert %{{.+}} : (tensor<2xi16>) -> tensor<2xbf16>
// VALUE-LABEL: @halves{{$}}
// VALUE-NEXT: result0: i16[2] [15360, -16384]{{$}}
// VALUE-NEXT: result1: f32[2] [0.0078125, -2]{{$}}
func.func @halves() -> (tensor<2xi16>, tensor<2xbf16>) {
  %x = fluxion.constant dense<[1.0, -2.0]> : tensor<2xf16>
  %y = fluxion.bitcast_convert %x : (tensor<2xf16>) -> tensor<2xi16>
  %z = fluxion.bitcast_convert %y : (tensor<2xi16>) -> tensor<2xbf16>
  return %y, %z : tensor<2xi16>, tensor<2xbf16>
}

// CHECK-LABEL: func.func @bytes(
// CHECK: %{{.+}} = fluxion.bitcast_convert %{{.+}} : (tensor<2xui8>) -> tensor<2xi8>
// VALUE-LABEL: @bytes{{$}}
// VALUE-NEXT: result0: i8[2] [-56, 1]{{$}}
func.func @bytes() -> tensor<2xi8> {
  %x = fluxion.constant dense<[200, 1]> : tensor<2xui8>
  %y = fluxion.bitcast_convert %x : (tensor<2xui8>) -> tensor<2xi8>
  return %y : tensor<2xi8>
}

//--- invalid.mlir

func.func @bitcast_convert_c1(%x: tensor<3xf32>) {
  // expected-error@+1 {{bitcast_convert_c1: element widths differ, 32 and 64 bits}}
  %y = fluxion.bitcast_convert %x : (tensor<3xf32>) -> tensor<3xi64>
  return
}
