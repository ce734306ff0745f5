// RUN: fluxion-opt --fluxion-simplify %s | FileCheck %s

// The mask is read off the rectifier's result, so that its operand need not be kept.
// CHECK-LABEL: func.func @mask_of_rectifier
// CHECK: %[[Y:.+]] = fluxion.max
// CHECK: fluxion.compare gt %[[Y]]
func.func @mask_of_rectifier(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi1>) {
  %zero = fluxion.constant dense<0.0> : tensor<4xf32>
  %y = fluxion.max %x, %zero : tensor<4xf32>
  %m = fluxion.compare gt %x, %zero : tensor<4xf32>
  return %y, %m : tensor<4xf32>, tensor<4xi1>
}

// CHECK-LABEL: func.func @accumulate
// CHECK-SAME: (%[[A:.+]]: tensor<4xf32>, %[[B:.+]]: tensor<4xf32>, %[[C:.+]]: tensor<4xf32>)
// CHECK: %[[AB:.+]] = fluxion.add %[[A]], %[[B]]
// CHECK: %[[SUM:.+]] = fluxion.add %[[AB]], %[[C]]
// CHECK: return %[[SUM]]
func.func @accumulate(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>) -> tensor<4xf32> {
  %s = fluxion.accumulate %a, %b, %c : tensor<4xf32>
  return %s : tensor<4xf32>
}

// x + 0 changes -0 to +0, so it stays.
// CHECK-LABEL: func.func @add_zero_stays
// CHECK: fluxion.add
func.func @add_zero_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = fluxion.constant dense<0.0> : tensor<4xf32>
  %y = fluxion.add %x, %zero : tensor<4xf32>
  return %y : tensor<4xf32>
}

// x * 0 is NaN for infinite x, so it stays.
// CHECK-LABEL: func.func @mul_zero_stays
// CHECK: fluxion.mul
func.func @mul_zero_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = fluxion.constant dense<0.0> : tensor<4xf32>
  %y = fluxion.mul %x, %zero : tensor<4xf32>
  return %y : tensor<4xf32>
}

// Dividing by a power of two is exact as a product; by three it is not.
// CHECK-LABEL: func.func @divisions
// CHECK-DAG: %[[EIGHTH:.+]] = fluxion.constant dense<1.250000e-01>
// CHECK-DAG: %[[THREE:.+]] = fluxion.constant dense<3.000000e+00>
// CHECK: fluxion.mul %{{.+}}, %[[EIGHTH]]
// CHECK: fluxion.div %{{.+}}, %[[THREE]]
func.func @divisions(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %eight = fluxion.constant dense<8.0> : tensor<4xf32>
  %three = fluxion.constant dense<3.0> : tensor<4xf32>
  %a = fluxion.div %x, %eight : tensor<4xf32>
  %b = fluxion.div %x, %three : tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @contraction_absorbs_transpose
// CHECK-SAME: (%[[X:.+]]: tensor<8x4xf32>, %[[Y:.+]]: tensor<8x2xf32>)
// CHECK-NOT: fluxion.transpose
// CHECK: fluxion.dot_general %[[X]], %[[Y]] contracting [0] x [0]
func.func @contraction_absorbs_transpose(%x: tensor<8x4xf32>, %y: tensor<8x2xf32>) -> tensor<4x2xf32> {
  %t = fluxion.transpose %x [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %z = fluxion.dot_general %t, %y contracting [1] x [0] : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return %z : tensor<4x2xf32>
}

// Pointwise work moves to the small side of a broadcast.
// CHECK-LABEL: func.func @pointwise_of_broadcast
// CHECK: %[[E:.+]] = fluxion.exp %{{.+}} : tensor<4xf32>
// CHECK: fluxion.broadcast_in_dim %[[E]] dims [1]
func.func @pointwise_of_broadcast(%x: tensor<4xf32>) -> tensor<8x4xf32> {
  %b = fluxion.broadcast_in_dim %x dims [1] : (tensor<4xf32>) -> tensor<8x4xf32>
  %e = fluxion.exp %b : tensor<8x4xf32>
  return %e : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @sum_of_broadcast
// CHECK-NOT: fluxion.reduce
// CHECK: %[[N:.+]] = fluxion.constant dense<8.000000e+00>
// CHECK: fluxion.mul %{{.+}}, %[[N]]
func.func @sum_of_broadcast(%x: tensor<4xf32>) -> tensor<4xf32> {
  %b = fluxion.broadcast_in_dim %x dims [1] : (tensor<4xf32>) -> tensor<8x4xf32>
  %s = fluxion.reduce sum %b dims [0] : (tensor<8x4xf32>) -> tensor<4xf32>
  return %s : tensor<4xf32>
}

// Exact arithmetic on constants is done now, with the rounding of the element type.
// CHECK-LABEL: func.func @constants
// CHECK: %[[C:.+]] = fluxion.constant dense<0.333333343> : tensor<f32>
// CHECK: return %[[C]]
func.func @constants() -> tensor<f32> {
  %one = fluxion.constant dense<1.0> : tensor<f32>
  %three = fluxion.constant dense<3.0> : tensor<f32>
  %y = fluxion.div %one, %three : tensor<f32>
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @transposes_cancel
// CHECK-SAME: (%[[X:.+]]: tensor<2x3x4xf32>)
// CHECK: return %[[X]]
func.func @transposes_cancel(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %a = fluxion.transpose %x [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %b = fluxion.transpose %a [1, 2, 0] : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  return %b : tensor<2x3x4xf32>
}

// i1 -> i32 -> f32 is i1 -> f32; f32 -> i32 -> f32 truncates and stays.
// CHECK-LABEL: func.func @converts
// CHECK: fluxion.convert %{{.+}} : (tensor<4xi1>) -> tensor<4xf32>
// CHECK: fluxion.convert %{{.+}} : (tensor<4xf32>) -> tensor<4xi32>
func.func @converts(%p: tensor<4xi1>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = fluxion.convert %p : (tensor<4xi1>) -> tensor<4xi32>
  %b = fluxion.convert %a : (tensor<4xi32>) -> tensor<4xf32>
  %c = fluxion.convert %x : (tensor<4xf32>) -> tensor<4xi32>
  %d = fluxion.convert %c : (tensor<4xi32>) -> tensor<4xf32>
  return %b, %d : tensor<4xf32>, tensor<4xf32>
}

// Recomputation behind a barrier is not merged with the first computation.
// CHECK-LABEL: func.func @barrier
// CHECK-COUNT-2: fluxion.exp
func.func @barrier(%x: tensor<4xf32>, %dy: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = fluxion.exp %x : tensor<4xf32>
  %g:2 = fluxion.barrier %x, %dy : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %b = fluxion.exp %g#0 : tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// Small constants of any values are evaluated by definition; what would grow stays.
// CHECK-LABEL: func.func @small_constants
// CHECK-DAG: fluxion.constant dense<[6.000000e+00, 1.500000e+01]> : tensor<2xf32>
// CHECK-DAG: fluxion.broadcast_in_dim
func.func @small_constants() -> (tensor<2xf32>, tensor<2x3x100xf32>) {
  %c = fluxion.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %s = fluxion.reduce sum %c dims [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  %b = fluxion.broadcast_in_dim %c dims [0, 1] : (tensor<2x3xf32>) -> tensor<2x3x100xf32>
  return %s, %b : tensor<2xf32>, tensor<2x3x100xf32>
}
