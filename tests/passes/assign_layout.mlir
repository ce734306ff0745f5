// RUN: fluxion-opt --fluxion-assign-layout=pack-state=false %s | FileCheck %s

// Between two convolutions nothing is transposed: the edges and the weights are.
// CHECK-LABEL: func.func @two_convolutions
// CHECK-SAME: (%[[X:.+]]: tensor<2x4x8x8xf32>
// CHECK-DAG: %[[IN:.+]] = fluxion.transpose %[[X]] [0, 2, 3, 1]
// CHECK: %[[C1:.+]] = fluxion.convolution {{.*}}input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = array<i64: 3, 2, 0, 1>{{.*}}output_dims = array<i64: 0, 3, 1, 2>
// CHECK: %[[BIAS:.+]] = fluxion.broadcast_in_dim %{{.+}} dims [3]
// CHECK: %[[SUM:.+]] = fluxion.add %[[C1]], %[[BIAS]]
// CHECK: %[[POOL:.+]] = fluxion.reduce_window max %[[SUM]] {{.*}}window = array<i64: 1, 2, 2, 1>
// CHECK: %[[C2:.+]] = fluxion.convolution %[[POOL]]
// CHECK: %[[OUT:.+]] = fluxion.transpose %[[C2]] [0, 3, 1, 2]
// CHECK: return %[[OUT]]
func.func @two_convolutions(%x: tensor<2x4x8x8xf32>, %w: tensor<4x4x3x3xf32>, %b: tensor<4xf32>) -> tensor<2x4x4x4xf32> attributes {fluxion.entry} {
  %c = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>} : (tensor<2x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32>
  %bb = fluxion.broadcast_in_dim %b dims [1] : (tensor<4xf32>) -> tensor<2x4x8x8xf32>
  %s = fluxion.add %c, %bb : tensor<2x4x8x8xf32>
  %p = fluxion.reduce_window max %s {window = array<i64: 1, 1, 2, 2>, strides = array<i64: 1, 1, 2, 2>, padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>, dilation = array<i64: 1, 1, 1, 1>} : (tensor<2x4x8x8xf32>) -> tensor<2x4x4x4xf32>
  %d = fluxion.convolution %p, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>} : (tensor<2x4x4x4xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x4x4xf32>
  return %d : tensor<2x4x4x4xf32>
}

// The input gradient of a stride of 2 with 3 features: the results of a square of 2 x 2 are features
// of one convolution of 2 x 2 taps, then spread.
// CHECK-LABEL: func.func @phases
// CHECK: %[[WIDE:.+]] = fluxion.convolution %{{.+}}, %{{.+}} {{{.*}}lhs_dilation = array<i64: 1, 1>{{.*}}padding = array<i64: 0, 1, 0, 1>{{.*}} : (tensor<2x4x4x8xf32>, tensor<2x2x8x12xf32>) -> tensor<2x4x4x12xf32>
// CHECK: %[[SPLIT:.+]] = fluxion.reshape %[[WIDE]] : (tensor<2x4x4x12xf32>) -> tensor<2x4x4x2x2x3xf32>
// CHECK: %[[SPREAD:.+]] = fluxion.transpose %[[SPLIT]] [0, 5, 1, 3, 2, 4]
// CHECK: fluxion.reshape %[[SPREAD]] : (tensor<2x3x4x2x4x2xf32>) -> tensor<2x3x8x8xf32>
func.func @phases(%dy: tensor<2x8x4x4xf32>, %w: tensor<8x3x3x3xf32>) -> tensor<2x3x8x8xf32> attributes {fluxion.entry} {
  %dx = fluxion.convolution %dy, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 2, 1, 2>, lhs_dilation = array<i64: 2, 2>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 1, 0, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, window_reversal} : (tensor<2x8x4x4xf32>, tensor<8x3x3x3xf32>) -> tensor<2x3x8x8xf32>
  return %dx : tensor<2x3x8x8xf32>
}

// Phases of a wide image fill vectors by themselves.
// CHECK-LABEL: func.func @wide_phases
// CHECK: fluxion.convolution {{.*}}lhs_dilation = array<i64: 2, 2>{{.*}} -> tensor<1x8x128x3xf32>
func.func @wide_phases(%dy: tensor<1x8x4x64xf32>, %w: tensor<8x3x3x3xf32>) -> tensor<1x3x8x128xf32> attributes {fluxion.entry} {
  %dx = fluxion.convolution %dy, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 2, 1, 2>, lhs_dilation = array<i64: 2, 2>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 1, 0, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, window_reversal} : (tensor<1x8x4x64xf32>, tensor<8x3x3x3xf32>) -> tensor<1x3x8x128xf32>
  return %dx : tensor<1x3x8x128xf32>
}

// Convolutions of one tap are products of planes, their weight gradient is summed over images.
// CHECK-LABEL: func.func @one_tap
// CHECK-NOT: fluxion.transpose
// CHECK: %[[W:.+]] = fluxion.broadcast_in_dim %{{.+}} dims [1, 2] : (tensor<6x4xf32>) -> tensor<2x6x4xf32>
// CHECK: fluxion.dot_general %[[W]], %{{.+}} batching [0] x [0] contracting [2] x [1] {{.*}} -> tensor<2x6x256xf32>
// CHECK: %[[DW:.+]] = fluxion.dot_general %{{.+}} batching [0] x [0] contracting [2] x [2] {{.*}} -> tensor<2x6x4xf32>
// CHECK: fluxion.reduce sum %[[DW]] dims [0]
// CHECK-NOT: fluxion.transpose
// CHECK: return
func.func @one_tap(%x: tensor<2x4x16x16xf32>, %w: tensor<6x4x1x1xf32>, %dy: tensor<2x6x16x16xf32>) -> (tensor<2x6x16x16xf32>, tensor<6x4x1x1xf32>) attributes {fluxion.entry} {
  %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>} : (tensor<2x4x16x16xf32>, tensor<6x4x1x1xf32>) -> tensor<2x6x16x16xf32>
  %dw = fluxion.convolution %x, %dy {window_strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 1, 0, 2, 3>, kernel_dims = array<i64: 1, 0, 2, 3>, output_dims = array<i64: 1, 0, 2, 3>} : (tensor<2x4x16x16xf32>, tensor<2x6x16x16xf32>) -> tensor<6x4x1x1xf32>
  return %y, %dw : tensor<2x6x16x16xf32>, tensor<6x4x1x1xf32>
}

// A weight gradient: batch and feature exchange roles, the result is HWIO and transposed back.
// CHECK-LABEL: func.func @weight_gradient
// CHECK: %[[DW:.+]] = fluxion.convolution {{.*}}input_dims = array<i64: 3, 0, 1, 2>, kernel_dims = array<i64: 3, 0, 1, 2>{{.*}}output_dims = array<i64: 2, 3, 0, 1>{{.*}} -> tensor<3x3x4x6xf32>
// CHECK: fluxion.transpose %[[DW]] [3, 2, 0, 1]
func.func @weight_gradient(%x: tensor<2x4x8x8xf32>, %dy: tensor<2x6x8x8xf32>) -> tensor<6x4x3x3xf32> attributes {fluxion.entry} {
  %dw = fluxion.convolution %x, %dy {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 1, 0, 2, 3>, kernel_dims = array<i64: 1, 0, 2, 3>, output_dims = array<i64: 1, 0, 2, 3>} : (tensor<2x4x8x8xf32>, tensor<2x6x8x8xf32>) -> tensor<6x4x3x3xf32>
  return %dw : tensor<6x4x3x3xf32>
}

// CHECK-LABEL: func.func @statistics
// CHECK: fluxion.reduce sum %{{.+}} dims [0, 1, 2] : (tensor<2x8x8x4xf32>) -> tensor<4xf32>
func.func @statistics(%x: tensor<2x4x8x8xf32>, %w: tensor<4x4x3x3xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %c = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>} : (tensor<2x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x8x8xf32>
  %s = fluxion.reduce sum %c dims [0, 2, 3] : (tensor<2x4x8x8xf32>) -> tensor<4xf32>
  return %s : tensor<4xf32>
}

// Planes of a depthwise convolution are left as they are, where no other convolution is near.
// CHECK-LABEL: func.func @depthwise_alone
// CHECK-NOT: fluxion.transpose
// CHECK: fluxion.convolution
// CHECK-SAME: input_dims = array<i64: 0, 1, 2, 3>
// CHECK-NOT: fluxion.transpose
// CHECK: return
func.func @depthwise_alone(%x: tensor<2x4x8x8xf32>, %w: tensor<4x1x3x3xf32>) -> tensor<2x4x8x8xf32> attributes {fluxion.entry} {
  %y = fluxion.convolution %x, %w {window_strides = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 1, 2, 3>, kernel_dims = array<i64: 0, 1, 2, 3>, output_dims = array<i64: 0, 1, 2, 3>, feature_group_count = 4 : i64} : (tensor<2x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<2x4x8x8xf32>
  return %y : tensor<2x4x8x8xf32>
}
