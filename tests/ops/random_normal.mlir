// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.random_normal %{{.+}}, %{{.+}} stream 2 : tensor<5xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[5] [-0.364796, -0.0143361, -0.579167, 1.68349, -0.34166]{{$}}
func.func @value() -> tensor<5xf32> {
  %s = fluxion.constant dense<7> : tensor<i64>
  %t = fluxion.constant dense<4> : tensor<i64>
  %y = fluxion.random_normal %s, %t stream 2 : tensor<5xf32>
  return %y : tensor<5xf32>
}

//--- invalid.mlir

func.func @element_type(%s: tensor<i64>) {
  // expected-error@+1 {{result #0 must be ranked tensor of}}
  %y = fluxion.random_normal %s, %s stream 0 : tensor<4xi32>
  return
}
