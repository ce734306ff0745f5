// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.round %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[4] [0, 2, 2, -1]{{$}}
func.func @value() -> tensor<4xf32> {
  %x = fluxion.constant dense<[0.5, 1.5, 2.5, -0.75]> : tensor<4xf32>
  %y = fluxion.round %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.round %x : tensor<3xi32>
  return
}
