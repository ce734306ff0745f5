// RUN: fluxion-opt --fluxion-order %s | FileCheck %s

// The update of @w uses its gradient at once, before the next large buffer is made.
fluxion.state param @w : tensor<64x64xf32>
// CHECK-LABEL: func.func @update_early
// CHECK: fluxion.kernel map "gradient"
// CHECK: fluxion.kernel update "update"
// CHECK: fluxion.kernel map "other"
func.func @update_early(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<64x64xf32>
  %g = fluxion.kernel map "gradient"(%x) {
  ^bb0(%a: tensor<64x64xf32>):
    %0 = fluxion.exp %a : tensor<64x64xf32>
    fluxion.yield %0 : tensor<64x64xf32>
  } : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %o = fluxion.kernel map "other"(%x) {
  ^bb0(%a: tensor<64x64xf32>):
    %0 = fluxion.neg %a : tensor<64x64xf32>
    fluxion.yield %0 : tensor<64x64xf32>
  } : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %p = fluxion.kernel map "last"(%o) {
  ^bb0(%a: tensor<64x64xf32>):
    %0 = fluxion.neg %a : tensor<64x64xf32>
    fluxion.yield %0 : tensor<64x64xf32>
  } : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %n = fluxion.kernel update "update"(%w, %g) {
  ^bb0(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %0 = fluxion.sub %a, %b : tensor<64x64xf32>
    fluxion.yield %0 : tensor<64x64xf32>
  } : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  fluxion.write @w, %n : tensor<64x64xf32>
  return %p : tensor<64x64xf32>
}

// Readers of the old value come before the kernel that makes the new one, also behind a barrier.
// CHECK-LABEL: func.func @readers_first
// CHECK: fluxion.kernel map "reader"
// CHECK: fluxion.kernel update "update"
func.func @readers_first(%x: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<64x64xf32>
  %n = fluxion.kernel update "update"(%w, %x) {
  ^bb0(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %0 = fluxion.sub %a, %b : tensor<64x64xf32>
    fluxion.yield %0 : tensor<64x64xf32>
  } : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  fluxion.write @w, %n : tensor<64x64xf32>
  %late = fluxion.barrier %w : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %r = fluxion.kernel map "reader"(%late) {
  ^bb0(%a: tensor<64x64xf32>):
    %0 = fluxion.exp %a : tensor<64x64xf32>
    fluxion.yield %0 : tensor<64x64xf32>
  } : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %r : tensor<64x64xf32>
}
