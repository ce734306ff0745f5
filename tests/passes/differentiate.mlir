// RUN: fluxion-opt --fluxion-differentiate --fluxion-simplify %s | FileCheck %s

// CHECK-LABEL: func.func @square
// CHECK-SAME: (%[[X:.+]]: tensor<4xf32>, %[[DY:.+]]: tensor<4xf32>)
// CHECK-NOT: fluxion.vjp
// CHECK: %[[PART:.+]] = fluxion.mul
// CHECK: %[[DX:.+]] = fluxion.add %[[PART]], %[[PART]]
// CHECK: return %[[DX]]
func.func @square(%x: tensor<4xf32>, %dy: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %r:2 = fluxion.vjp(%x) cotangents(%dy) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %y = fluxion.mul %a, %a : tensor<4xf32>
    fluxion.yield %y : tensor<4xf32>
  } : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %r#1 : tensor<4xf32>
}
