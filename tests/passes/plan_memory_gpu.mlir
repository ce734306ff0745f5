// RUN: fluxion-opt --fluxion-outline --fluxion-order --fluxion-plan-memory %s | FileCheck %s
module attributes {fluxion.target = #fluxion.target<{kind = "cuda"}>} {
fluxion.state buffer @mean : tensor<16xf32>
fluxion.state buffer @variance : tensor<32xf32>

// New values that wait for a check are copied by one launch behind all others.
// CHECK-LABEL: func.func @running
// CHECK: "add"
// CHECK: "mul"
// CHECK: fluxion.check
// CHECK: %[[NEW:.+]]:2 = fluxion.kernel map "copy_state"(%{{.+}}, %{{.+}}) at [#fluxion.place<state, 0>, #fluxion.place<state, 64>]
// CHECK: fluxion.write @mean, %[[NEW]]#0
// CHECK: fluxion.write @variance, %[[NEW]]#1
func.func @running(%x: tensor<16xf32>, %y: tensor<32xf32>) attributes {fluxion.entry} {
  %m = fluxion.read @mean : tensor<16xf32>
  %v = fluxion.read @variance : tensor<32xf32>
  %nm = fluxion.add %m, %x : tensor<16xf32>
  %nv = fluxion.mul %v, %y : tensor<32xf32>
  %s = fluxion.reduce sum %nm dims [0] : (tensor<16xf32>) -> tensor<f32>
  %t = fluxion.reduce sum %nv dims [0] : (tensor<32xf32>) -> tensor<f32>
  %ok = fluxion.compare lt %s, %t : tensor<f32>
  fluxion.check %ok, "the mean is above the variance" : tensor<i1>
  fluxion.write @mean, %nm : tensor<16xf32>
  fluxion.write @variance, %nv : tensor<32xf32>
  return
}
}
