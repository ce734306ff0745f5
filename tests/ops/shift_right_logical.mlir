// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.shift_right_logical %{{.+}}, %{{.+}} : tensor<4xi8>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i8[4] [8, 15, 1, 0]{{$}}
func.func @value() -> tensor<4xi8> {
  %x = fluxion.constant dense<[64, -1, -128, 1]> : tensor<4xi8>
  %y = fluxion.constant dense<[3, 4, 7, 8]> : tensor<4xi8>
  %z = fluxion.shift_right_logical %x, %y : tensor<4xi8>
  return %z : tensor<4xi8>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.shift_right_logical %x, %x : tensor<3xf32>
  return
}
