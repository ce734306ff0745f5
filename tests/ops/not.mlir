// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: %{{.+}} = fluxion.not %{{.+}} : tensor<3xi8>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: i8[3] [-1, -2, 127]{{$}}
func.func @value() -> tensor<3xi8> {
  %x = fluxion.constant dense<[0, 1, -128]> : tensor<3xi8>
  %y = fluxion.not %x : tensor<3xi8>
  return %y : tensor<3xi8>
}

// CHECK-LABEL: func.func @predicates(
// CHECK: %{{.+}} = fluxion.not %{{.+}} : tensor<2xi1>
// VALUE-LABEL: @predicates{{$}}
// VALUE-NEXT: result0: i1[2] [0, 1]{{$}}
func.func @predicates() -> tensor<2xi1> {
  %x = fluxion.constant dense<[true, false]> : tensor<2xi1>
  %y = fluxion.not %x : tensor<2xi1>
  return %y : tensor<2xi1>
}

//--- invalid.mlir

func.func @element_type(%x: tensor<3xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of}}
  %y = fluxion.not %x : tensor<3xf32>
  return
}
