// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.sign %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[4] [1, -1, 0, nan]{{$}}
func.func @value() -> tensor<4xf32> {
  %x = fluxion.constant dense<[3.0, -2.0, 0.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.sign %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @integers(
// CHECK: %{{.+}} = fluxion.sign %{{.+}} : tensor<3xi64>
// VALUE-LABEL: @integers{{$}}
// VALUE-NEXT: result0: i64[3] [1, -1, 0]{{$}}
func.func @integers() -> tensor<3xi64> {
  %x = fluxion.constant dense<[5, -7, 0]> : tensor<3xi64>
  %y = fluxion.sign %x : tensor<3xi64>
  return %y : tensor<3xi64>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xi1>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.sign %x : tensor<3xi1>
  return
}
