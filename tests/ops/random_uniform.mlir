// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.random_uniform %{{.+}}, %{{.+}} stream 2 : tensor<5xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[5] [0.802342, 0.507687, 0.0482085, 0.565594, 0.827139]{{$}}
func.func @value() -> tensor<5xf32> {
  %s = fluxion.constant dense<7> : tensor<i64>
  %t = fluxion.constant dense<3> : tensor<i64>
  %y = fluxion.random_uniform %s, %t stream 2 : tensor<5xf32>
  return %y : tensor<5xf32>
}

//--- invalid.mlir

func.func @element_type(%s: tensor<i64>) {
  // expected-error@+1 {{result #0 must be ranked tensor of}}
  %y = fluxion.random_uniform %s, %s stream 0 : tensor<4xi32>
  return
}
