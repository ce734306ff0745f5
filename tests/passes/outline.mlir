// RUN: fluxion-opt --fluxion-outline %s | FileCheck %s

// Each op is a kernel; reads, writes, views and small constants stay.
fluxion.state buffer @s : tensor<4xf32>
// CHECK-LABEL: func.func @each_alone
// CHECK-DAG: %[[S:.+]] = fluxion.read @s
// CHECK-DAG: %[[V:.+]] = fluxion.reshape
// CHECK: %[[E:.+]] = fluxion.kernel map "exp"(%[[V]])
// CHECK: %[[A:.+]] = fluxion.kernel map "add"(%[[E]], %[[S]])
// CHECK: fluxion.write @s, %[[A]]
func.func @each_alone(%x: tensor<2x2xf32>) attributes {fluxion.entry} {
  %s = fluxion.read @s : tensor<4xf32>
  %v = fluxion.reshape %x : (tensor<2x2xf32>) -> tensor<4xf32>
  %e = fluxion.exp %v : tensor<4xf32>
  %a = fluxion.add %e, %s : tensor<4xf32>
  fluxion.write @s, %a : tensor<4xf32>
  return
}
