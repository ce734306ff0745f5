// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// Random123's known answer for counter 0 and key 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
// CHECK-LABEL: func.func @published_vector(
// CHECK: %{{.+}} = fluxion.random_bits %{{.+}}, %{{.+}} stream 0 : tensor<4xi32>
// VALUE-LABEL: @published_vector{{$}}
// VALUE-NEXT: result0: i32[4] [1713891541, -513161843, -1135104948, -1694442536]{{$}}
func.func @published_vector() -> tensor<4xi32> {
  %s = fluxion.constant dense<0> : tensor<i64>
  %t = fluxion.constant dense<0> : tensor<i64>
  %y = fluxion.random_bits %s, %t stream 0 : tensor<4xi32>
  return %y : tensor<4xi32>
}

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.random_bits %{{.+}}, %{{.+}} stream 2242054355 : tensor<6xi32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i32[6] [1064117463, 1385236640, -123503063, -408308677, 350267114, -1142271247]{{$}}
func.func @value() -> tensor<6xi32> {
  %s = fluxion.constant dense<2999170649027065890> : tensor<i64>
  %t = fluxion.constant dense<247824715720788526> : tensor<i64>
  %y = fluxion.random_bits %s, %t stream 2242054355 : tensor<6xi32>
  return %y : tensor<6xi32>
}

// CHECK-LABEL: func.func @blocks(
// CHECK: %{{.+}} = fluxion.random_bits %{{.+}}, %{{.+}} stream 2 : tensor<9xi32>
// VALUE-LABEL: @blocks{{$}}
// VALUE-NEXT: result0: i32[9] [-848934939, -2114469121, 207054091, -1865759684, -742431708, -1301169547, 497055161, 1131488784, -551858944]{{$}}
func.func @blocks() -> tensor<9xi32> {
  %s = fluxion.constant dense<7> : tensor<i64>
  %t = fluxion.constant dense<3> : tensor<i64>
  %y = fluxion.random_bits %s, %t stream 2 : tensor<9xi32>
  return %y : tensor<9xi32>
}

//--- invalid.mlir

func.func @random_bits_c1(%s: tensor<i64>) {
  // expected-error@+1 {{random_bits_c1: stream must be in}}
  %y = fluxion.random_bits %s, %s stream -1 : tensor<4xi32>
  return
}

// -----

func.func @random_bits_c1_large(%s: tensor<i64>) {
  // expected-error@+1 {{the result have fewer than 2^34 elements}}
  %y = fluxion.random_bits %s, %s stream 0 : tensor<17179869184xi32>
  return
}
