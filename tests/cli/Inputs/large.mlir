// Two intermediate values of 289 MB each are alive at once: one lies behind all that a 29-bit offset reaches.
func.func @large(%x: tensor<8500x2xf32>, %w: tensor<2x8500xf32>, %u: tensor<2x8500xf32>) -> (tensor<8500xf32>, tensor<8500xf32>) {
  %y = fluxion.dot_general %x, %w contracting [1] x [0] : (tensor<8500x2xf32>, tensor<2x8500xf32>) -> tensor<8500x8500xf32>
  %z = fluxion.dot_general %x, %u contracting [1] x [0] : (tensor<8500x2xf32>, tensor<2x8500xf32>) -> tensor<8500x8500xf32>
  %p = fluxion.mul %y, %z : tensor<8500x8500xf32>
  %r = fluxion.reduce sum %p dims [1] : (tensor<8500x8500xf32>) -> tensor<8500xf32>
  %s = fluxion.reduce max %z dims [0] : (tensor<8500x8500xf32>) -> tensor<8500xf32>
  return %r, %s : tensor<8500xf32>, tensor<8500xf32>
}
// The same rows by x (w u^T) x^T.
func.func @small(%x: tensor<8500x2xf32>, %w: tensor<2x8500xf32>, %u: tensor<2x8500xf32>) -> tensor<8500xf32> {
  %g = fluxion.dot_general %w, %u contracting [1] x [1] : (tensor<2x8500xf32>, tensor<2x8500xf32>) -> tensor<2x2xf32>
  %h = fluxion.dot_general %x, %g contracting [1] x [0] : (tensor<8500x2xf32>, tensor<2x2xf32>) -> tensor<8500x2xf32>
  %p = fluxion.mul %h, %x : tensor<8500x2xf32>
  %r = fluxion.reduce sum %p dims [1] : (tensor<8500x2xf32>) -> tensor<8500xf32>
  return %r : tensor<8500xf32>
}
