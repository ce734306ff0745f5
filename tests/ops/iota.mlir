// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.iota dim 1 : tensor<2x3xi32>
// CHECK: %{{.+}} = fluxion.iota dim 0 : tensor<2x3xf32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i32[2, 3] {{\[\[}}0, 1, 2], [0, 1, 2]]{{$}}
// VALUE-NEXT: result1: f32[2, 3] {{\[\[}}0, 0, 0], [1, 1, 1]]{{$}}
func.func @value() -> (tensor<2x3xi32>, tensor<2x3xf32>) {
  %x = fluxion.iota dim 1 : tensor<2x3xi32>
  %y = fluxion.iota dim 0 : tensor<2x3xf32>
  return %x, %y : tensor<2x3xi32>, tensor<2x3xf32>
}

//--- invalid.mlir

func.func @iota_c1() {
  // expected-error@+1 {{iota_c1: dimension 2 is out of range for 'tensor<2x3xi32>'}}
  %x = fluxion.iota dim 2 : tensor<2x3xi32>
  return
}
