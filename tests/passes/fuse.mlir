// RUN: fluxion-opt --fluxion-fuse %s | FileCheck %s
// RUN: fluxion-opt --fluxion-fuse=recompute=false %s | FileCheck %s --check-prefix=KEEP

// The contraction takes bias and rectifier.
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[K:.+]] = fluxion.kernel contract "matmul_bias_relu"
// CHECK: fluxion.dot_general
// CHECK: fluxion.add
// CHECK: fluxion.max
// CHECK: fluxion.yield
// CHECK-NOT: fluxion.kernel
// CHECK: return %[[K]]
func.func @epilogue(%x: tensor<8x4xf32>, %w: tensor<4x2xf32>, %b: tensor<2xf32>) -> tensor<8x2xf32> attributes {fluxion.entry} {
  %zero = fluxion.constant dense<0.0> : tensor<8x2xf32>
  %d = fluxion.dot_general %x, %w contracting [1] x [0] : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  %bb = fluxion.broadcast_in_dim %b dims [1] : (tensor<2xf32>) -> tensor<8x2xf32>
  %s = fluxion.add %d, %bb : tensor<8x2xf32>
  %y = fluxion.max %s, %zero : tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}

// Two reductions over the same rows and the maps around them are one kernel with two results.
// CHECK-LABEL: func.func @softmax_and_sum
// CHECK: fluxion.kernel row
// CHECK: fluxion.reduce max
// CHECK: fluxion.exp
// CHECK: fluxion.reduce sum
// CHECK: fluxion.yield %{{.+}}, %{{.+}} : tensor<8xf32>, tensor<8x16xf32>
// CHECK-NOT: fluxion.kernel
func.func @softmax_and_sum(%x: tensor<8x16xf32>) -> (tensor<8x16xf32>, tensor<8xf32>) attributes {fluxion.entry} {
  %m = fluxion.reduce max %x dims [1] : (tensor<8x16xf32>) -> tensor<8xf32>
  %mb = fluxion.broadcast_in_dim %m dims [0] : (tensor<8xf32>) -> tensor<8x16xf32>
  %c = fluxion.sub %x, %mb : tensor<8x16xf32>
  %e = fluxion.exp %c : tensor<8x16xf32>
  %s = fluxion.reduce sum %e dims [1] : (tensor<8x16xf32>) -> tensor<8xf32>
  %sb = fluxion.broadcast_in_dim %s dims [0] : (tensor<8xf32>) -> tensor<8x16xf32>
  %y = fluxion.div %e, %sb : tensor<8x16xf32>
  return %y, %s : tensor<8x16xf32>, tensor<8xf32>
}

// Rows and columns are different loops.
// CHECK-LABEL: func.func @rows_and_columns
// CHECK: fluxion.kernel row
// CHECK: fluxion.kernel row
func.func @rows_and_columns(%x: tensor<8x16xf32>) -> (tensor<8xf32>, tensor<16xf32>) attributes {fluxion.entry} {
  %r = fluxion.reduce sum %x dims [1] : (tensor<8x16xf32>) -> tensor<8xf32>
  %c = fluxion.reduce sum %x dims [0] : (tensor<8x16xf32>) -> tensor<16xf32>
  return %r, %c : tensor<8xf32>, tensor<16xf32>
}

// a -> matmul -> b and a -> b: one kernel of a and b would need its own result.
// CHECK-LABEL: func.func @no_cycle
// CHECK: %[[A:.+]] = fluxion.kernel map "exp"
// CHECK: %[[M:.+]] = fluxion.kernel contract "matmul_add"(%[[A]]
func.func @no_cycle(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {fluxion.entry} {
  %a = fluxion.exp %x : tensor<4x4xf32>
  %m = fluxion.dot_general %a, %a contracting [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = fluxion.add %a, %m : tensor<4x4xf32>
  return %b : tensor<4x4xf32>
}

// A mask over data that is kept anyway is computed again by its user.
// CHECK-LABEL: func.func @mask
// CHECK: fluxion.kernel contract
// CHECK: fluxion.yield %{{.+}} : tensor<8x8xf32>
// CHECK: fluxion.kernel contract
// CHECK: fluxion.compare gt
// CHECK: fluxion.select
func.func @mask(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {fluxion.entry} {
  %zero = fluxion.constant dense<0.0> : tensor<8x8xf32>
  %d = fluxion.dot_general %x, %w contracting [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %y = fluxion.max %d, %zero : tensor<8x8xf32>
  %m = fluxion.compare gt %y, %zero : tensor<8x8xf32>
  %e = fluxion.dot_general %y, %w contracting [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %g = fluxion.select %m, %e, %zero : tensor<8x8xi1>, tensor<8x8xf32>
  return %g : tensor<8x8xf32>
}

// A product that a reduction reads beside the stored gradient is not stored as well.
// CHECK-LABEL: func.func @no_second_store
// CHECK: fluxion.kernel contract "matmul"
// CHECK: fluxion.yield %{{.+}} : tensor<8x8xf32>
// CHECK: fluxion.kernel row
// CHECK: fluxion.mul
func.func @no_second_store(%x: tensor<8x8xf32>, %h: tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) attributes {fluxion.entry} {
  %d = fluxion.dot_general %x, %h contracting [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %p = fluxion.mul %d, %h : tensor<8x8xf32>
  %a = fluxion.reduce sum %d dims [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  %b = fluxion.reduce sum %p dims [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
}

// Constants, iotas and broadcasts are inside; a constant that must be in memory is filled in.
// CHECK-LABEL: func.func @fill
// CHECK: fluxion.kernel map "constant"()
// CHECK: fluxion.constant dense<0.000000e+00> : tensor<64x64xf32>
func.func @fill() -> tensor<64x64xf32> attributes {fluxion.entry} {
  %zero = fluxion.constant dense<0.0> : tensor<64x64xf32>
  return %zero : tensor<64x64xf32>
}

// Random bits that two kernels need are drawn twice rather than stored, unless told otherwise.
// CHECK-LABEL: func.func @replayed
// CHECK-COUNT-2: fluxion.random_bits
// KEEP-LABEL: func.func @replayed
// KEEP: fluxion.random_bits
// KEEP-NOT: fluxion.random_bits
func.func @replayed(%seed: tensor<i64>, %step: tensor<i64>, %x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8xf32>) attributes {fluxion.entry} {
  %bits = fluxion.random_bits %seed, %step stream 1 : tensor<8x8xi32>
  %noise = fluxion.convert %bits : (tensor<8x8xi32>) -> tensor<8x8xf32>
  %y = fluxion.dot_general %x, %x contracting [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %a = fluxion.add %y, %noise : tensor<8x8xf32>
  %b = fluxion.dot_general %a, %x contracting [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %r = fluxion.reduce sum %noise dims [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %b, %r : tensor<8x8xf32>, tensor<8xf32>
}

// Names tell what a kernel is: composites by name, gradients of composites as such.
// CHECK-LABEL: func.func @names
// CHECK: fluxion.kernel row "softmax"
// CHECK: fluxion.kernel row "softmax_grad"
func.func @names(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) attributes {fluxion.entry} {
  %m = fluxion.reduce max %x dims [1] : (tensor<8x8xf32>) -> tensor<8xf32> loc("softmax"("x.cpp":1:1))
  %mb = fluxion.broadcast_in_dim %m dims [0] : (tensor<8xf32>) -> tensor<8x8xf32> loc("softmax"("softmax_grad"("x.cpp":1:1)))
  %c = fluxion.sub %x, %mb : tensor<8x8xf32> loc("softmax"("softmax_grad"("x.cpp":1:1)))
  %d = fluxion.dot_general %c, %w contracting [1] x [0] : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %s = fluxion.reduce sum %d dims [1] : (tensor<8x8xf32>) -> tensor<8xf32> loc("softmax_grad"("x.cpp":1:1))
  %sb = fluxion.broadcast_in_dim %s dims [0] : (tensor<8xf32>) -> tensor<8x8xf32> loc("softmax_grad"("x.cpp":1:1))
  %y = fluxion.sub %d, %sb : tensor<8x8xf32> loc("softmax_grad"("x.cpp":1:1))
  return %c, %y : tensor<8x8xf32>, tensor<8x8xf32>
}

// Column sums sweep over all the data: the masked gradient, stored anyway, is made first, so that the sum
// reads one array, not two. Over rows, which stay in cache, everything is one kernel.
// CHECK-LABEL: func.func @column_sum
// CHECK: %[[M:.+]] = fluxion.kernel map
// CHECK: fluxion.kernel row "reduce_sum"(%[[M]])
// CHECK-LABEL: func.func @row_sum
// CHECK: fluxion.kernel row
// CHECK-NOT: fluxion.kernel
func.func @column_sum(%x: tensor<64x32xf32>, %y: tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<32xf32>) attributes {fluxion.entry} {
  %z = fluxion.mul %x, %y : tensor<64x32xf32>
  %s = fluxion.reduce sum %z dims [0] : (tensor<64x32xf32>) -> tensor<32xf32>
  return %z, %s : tensor<64x32xf32>, tensor<32xf32>
}
func.func @row_sum(%x: tensor<64x32xf32>, %y: tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<64xf32>) attributes {fluxion.entry} {
  %z = fluxion.mul %x, %y : tensor<64x32xf32>
  %s = fluxion.reduce sum %z dims [1] : (tensor<64x32xf32>) -> tensor<64xf32>
  return %z, %s : tensor<64x32xf32>, tensor<64xf32>
}
