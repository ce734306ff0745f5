// RUN: fluxion-opt --fluxion-decompose --mlir-print-debuginfo %s | FileCheck %s

// CHECK-LABEL: func.func @rectifier
// CHECK-NOT: fluxion.relu
// CHECK: fluxion.max {{.*}} loc(#[[LOC:.+]])
// CHECK: #[[LOC]] = loc("relu"
func.func @rectifier(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = fluxion.relu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
