// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.or %{{.+}}, %{{.+}} : tensor<3xi32>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i32[3] [14, -1, -3]{{$}}
func.func @value() -> tensor<3xi32> {
  %x = fluxion.constant dense<[12, -1, 5]> : tensor<3xi32>
  %y = fluxion.constant dense<[10, 3, -8]> : tensor<3xi32>
  %z = fluxion.or %x, %y : tensor<3xi32>
  return %z : tensor<3xi32>
}

// CHECK-LABEL: func.func @predicates(
// CHECK: %{{.+}} = fluxion.or %{{.+}}, %{{.+}} : tensor<4xi1>
// VALUE-LABEL: @predicates{{$}}
// VALUE-NEXT: result0: i1[4] [1, 1, 1, 0]{{$}}
func.func @predicates() -> tensor<4xi1> {
  %x = fluxion.constant dense<[true, true, false, false]> : tensor<4xi1>
  %y = fluxion.constant dense<[true, false, true, false]> : tensor<4xi1>
  %z = fluxion.or %x, %y : tensor<4xi1>
  return %z : tensor<4xi1>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.or %x, %x : tensor<3xf32>
  return
}
