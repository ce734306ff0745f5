// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: fluxion-opt --fluxion-outline --fluxion-plan-memory %s | FileCheck %s
// What has to wait for a check is copied on a GPU by kernels: launches cost more than bytes, so small
// values of one type share one, and large ones have theirs.
module attributes {fluxion.target = #fluxion.target<{kind = "cuda"}>} {
fluxion.state buffer @a : tensor<4xf32>
fluxion.state buffer @b : tensor<4xf32>
fluxion.state buffer @c : tensor<8xf32>
fluxion.state buffer @large1 : tensor<65536xf32>
fluxion.state buffer @large2 : tensor<65536xf32>

// CHECK-LABEL: func.func @checked
// CHECK: %[[BOTH:.+]]:2 = fluxion.kernel map "copy_state"(%{{.+}}, %{{.+}}) at [#fluxion.place<state, 0>, #fluxion.place<state, 64>]
// CHECK: fluxion.write @a, %[[BOTH]]#0
// CHECK: fluxion.write @b, %[[BOTH]]#1
// CHECK: %[[C:.+]] = fluxion.kernel map "copy_state"(%{{.+}}) at [#fluxion.place<state, 128>]
// CHECK: fluxion.write @c, %[[C]]
// CHECK: fluxion.kernel map "copy_state"(%{{[^,]+}}) at [#fluxion.place<state, 4096>]
// CHECK: fluxion.kernel map "copy_state"(%{{[^,]+}}) at [#fluxion.place<state, 266240>]
// CHECK-NOT: copy_state
func.func @checked(%x: tensor<4xf32>, %y: tensor<8xf32>, %z: tensor<65536xf32>, %ok: tensor<i1>) attributes {fluxion.entry} {
  %a = fluxion.exp %x : tensor<4xf32>
  %b = fluxion.neg %x : tensor<4xf32>
  %c = fluxion.exp %y : tensor<8xf32>
  %l1 = fluxion.exp %z : tensor<65536xf32>
  %l2 = fluxion.neg %z : tensor<65536xf32>
  fluxion.write @a, %a : tensor<4xf32>
  fluxion.write @c, %c : tensor<8xf32>
  fluxion.write @large1, %l1 : tensor<65536xf32>
  fluxion.write @b, %b : tensor<4xf32>
  fluxion.write @large2, %l2 : tensor<65536xf32>
  fluxion.check %ok, "not ok" : tensor<i1>
  return
}
}
