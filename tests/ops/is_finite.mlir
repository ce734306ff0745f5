// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.is_finite %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i1[4] [1, 0, 0, 0]{{$}}
func.func @value() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 0x7F800000, 0xFF800000, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.is_finite %x : tensor<4xf32>
  return %y : tensor<4xi1>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.is_finite %x : tensor<3xi32>
  return
}
