func.func @pool(%x: tensor<8x16x32x32xf32>) -> tensor<8x16x16x16xf32> {
  %y = fluxion.max_pool %x {padding = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>, strides = array<i64: 1, 1, 2, 2>, window = array<i64: 1, 1, 2, 2>} : (tensor<8x16x32x32xf32>) -> tensor<8x16x16x16xf32>
  return %y : tensor<8x16x16x16xf32>
}
