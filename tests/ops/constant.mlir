// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @value(
// CHECK: fluxion.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK: fluxion.constant dense<7> : tensor<3xi8>
// VALUE-LABEL: @value{{$}}
// VALUE-NEXT: result0: f32[2, 2] {{\[\[}}1, 2], [3, 4]]{{$}}
// VALUE-NEXT: result1: i8[3] [7, 7, 7]{{$}}
// VALUE-NEXT: result2: i1[2] [1, 0]{{$}}
// VALUE-NEXT: result3: u8[2] [200, 200]{{$}}
func.func @value() -> (tensor<2x2xf32>, tensor<3xi8>, tensor<2xi1>, tensor<2xui8>) {
  %x = fluxion.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = fluxion.constant dense<7> : tensor<3xi8>
  %z = fluxion.constant dense<[true, false]> : tensor<2xi1>
  %u = fluxion.constant dense<200> : tensor<2xui8>
  return %x, %y, %z, %u : tensor<2x2xf32>, tensor<3xi8>, tensor<2xi1>, tensor<2xui8>
}

//--- invalid.mlir

func.func @element_type() {
  // expected-error@+1 {{result #0 must be ranked tensor of}}
  %x = fluxion.constant dense<1> : tensor<2xi4>
  return
}
