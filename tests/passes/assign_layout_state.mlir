// RUN: fluxion-opt --fluxion-assign-layout %s | FileCheck %s
// RUN: fluxion-opt --fluxion-assign-layout=pack-state=false %s | FileCheck %s --check-prefix=PLAIN

// The step makes the new weight in the convolution's order, so that is how the state keeps it: no
// transpose is left in the step, and `init` transposes once.
// CHECK: fluxion.state param @w : tensor<3x3x4x6xf32> {fluxion.layout = array<i64: 2, 3, 1, 0>}
// PLAIN: fluxion.state param @w : tensor<6x4x3x3xf32>
// PLAIN-NOT: fluxion.layout
fluxion.state param @w : tensor<6x4x3x3xf32>

// CHECK-LABEL: func.func @step
// CHECK: %[[W:.+]] = fluxion.read @w : tensor<3x3x4x6xf32>
// CHECK-NOT: fluxion.transpose %[[W]]
// CHECK: %[[DW:.+]] = fluxion.convolution {{.*}} -> tensor<3x3x4x6xf32>
// CHECK: %[[NEW:.+]] = fluxion.sub %[[W]], %[[DW]]
// CHECK: fluxion.write @w, %[[NEW]] : tensor<3x3x4x6xf32>
// PLAIN-LABEL: func.func @step
// PLAIN: %[[OLD:.+]] = fluxion.transpose %{{.+}} [3, 2, 0, 1] : (tensor<3x3x4x6xf32>) -> tensor<6x4x3x3xf32>
// PLAIN: fluxion.write @w, %[[OLD]]
func.func @step(%x: tensor<2x8x8x4xf32>, %dy: tensor<2x8x8x6xf32>) attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<6x4x3x3xf32>
  %xt = fluxion.transpose %x [0, 3, 1, 2] : (tensor<2x8x8x4xf32>) -> tensor<2x4x8x8xf32>
  %dyt = fluxion.transpose %dy [0, 3, 1, 2] : (tensor<2x8x8x6xf32>) -> tensor<2x6x8x8xf32>
  %dw = fluxion.convolution %xt, %dyt {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 1, 0, 2, 3>, kernel_dims = array<i64: 1, 0, 2, 3>, output_dims = array<i64: 1, 0, 2, 3>} : (tensor<2x4x8x8xf32>, tensor<2x6x8x8xf32>) -> tensor<6x4x3x3xf32>
  %n = fluxion.sub %w, %dw : tensor<6x4x3x3xf32>
  fluxion.write @w, %n : tensor<6x4x3x3xf32>
  return
}

// CHECK-LABEL: func.func @init
// CHECK: %[[T:.+]] = fluxion.transpose %{{.+}} [2, 3, 1, 0]
// CHECK: fluxion.write @w, %[[T]] : tensor<3x3x4x6xf32>
func.func @init(%v: tensor<6x4x3x3xf32>) attributes {fluxion.entry} {
  fluxion.write @w, %v : tensor<6x4x3x3xf32>
  return
}
