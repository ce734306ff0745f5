// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference --func=holds | FileCheck %s --check-prefix=VALUE
// RUN: not fluxion run %t/valid.mlir --target=reference --func=fails 2>&1 | FileCheck %s --check-prefix=FAILS
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @holds(
// CHECK: fluxion.check %{{.+}}, "the sum is finite" : tensor<i1>
// VALUE-LABEL: @holds{{$}}
// VALUE-NEXT: result0: i1[] 1{{$}}
func.func @holds() -> tensor<i1> {
  %p = fluxion.constant dense<true> : tensor<i1>
  fluxion.check %p, "the sum is finite" : tensor<i1>
  return %p : tensor<i1>
}

// FAILS: error: {{.*}}the loss is finite
// FAILS-NOT: result0
func.func @fails() -> tensor<i1> {
  %p = fluxion.constant dense<false> : tensor<i1>
  fluxion.check %p, "the loss is finite" : tensor<i1>
  return %p : tensor<i1>
}

//--- invalid.mlir

func.func @scalar(%x: tensor<2xi1>) {
  // expected-error@+1 {{operand #0 must be 0D tensor of 1-bit signless integer values}}
  fluxion.check %x, "one" : tensor<2xi1>
  return
}
