// RUN: fluxion-opt --fluxion-assign-layout=pack-state=false %s | FileCheck %s

// On a GPU an input gradient reads the kernel in the order that the forward convolution does.
// CHECK-LABEL: func.func @both
// CHECK-SAME: (%{{[^:]+}}: tensor<2x4x8x8xf32>, %[[W:[^:]+]]: tensor<4x4x3x3xf32>)
// CHECK: %[[K:.+]] = fluxion.transpose %[[W]] [2, 3, 1, 0]
// CHECK: fluxion.convolution %{{.+}}, %[[K]] {{.*}}kernel_dims = array<i64: 3, 2, 0, 1>
// CHECK: fluxion.convolution %{{.+}}, %[[K]] {{.*}}kernel_dims = array<i64: 2, 3, 0, 1>{{.*}}window_reversal
module attributes {fluxion.target = #fluxion.target<{kind = "cuda"}>} {
func.func @both(%x: tensor<2x4x8x8xf32>, %w: tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32> attributes {fluxion.entry} {
  %c = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>} : (tensor<2x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32>
  %d = fluxion.convolution %c, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 1, 0, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, window_reversal} : (tensor<2x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32>
  return %d : tensor<2x4x8x8xf32>
}
}
