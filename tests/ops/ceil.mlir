// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.ceil %{{.+}} : tensor<3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[3] [2, -1, 2]{{$}}
func.func @value() -> tensor<3xf32> {
  %x = fluxion.constant dense<[1.5, -1.25, 2.0]> : tensor<3xf32>
  %y = fluxion.ceil %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.ceil %x : tensor<3xi32>
  return
}
