// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products that bench/gpu.py times beside cuBLASLt's; productRunner.cpp says what the names mean.
func.func @bf16_nt_2048x2048x2048_x1(%a: tensor<2048x2048xbf16>, %b0: tensor<2048x2048xbf16>) -> (tensor<2048x2048xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<2048x2048xbf16>, tensor<2048x2048xbf16>) -> tensor<2048x2048xbf16>
  return %0 : tensor<2048x2048xbf16>
}
func.func @bf16_nt_4096x4096x4096_x1(%a: tensor<4096x4096xbf16>, %b0: tensor<4096x4096xbf16>) -> (tensor<4096x4096xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<4096x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16>
  return %0 : tensor<4096x4096xbf16>
}
func.func @bf16_nt_8192x8192x8192_x1(%a: tensor<8192x8192xbf16>, %b0: tensor<8192x8192xbf16>) -> (tensor<8192x8192xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<8192x8192xbf16>, tensor<8192x8192xbf16>) -> tensor<8192x8192xbf16>
  return %0 : tensor<8192x8192xbf16>
}
func.func @bf16_nn_4096x4096x4096_x1(%a: tensor<4096x4096xbf16>, %b0: tensor<4096x4096xbf16>) -> (tensor<4096x4096xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [0] : (tensor<4096x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16>
  return %0 : tensor<4096x4096xbf16>
}
func.func @bf16_tn_4096x4096x4096_x1(%a: tensor<4096x4096xbf16>, %b0: tensor<4096x4096xbf16>) -> (tensor<4096x4096xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [0] x [0] : (tensor<4096x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16>
  return %0 : tensor<4096x4096xbf16>
}
func.func @bf16_tt_4096x4096x4096_x1(%a: tensor<4096x4096xbf16>, %b0: tensor<4096x4096xbf16>) -> (tensor<4096x4096xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [0] x [1] : (tensor<4096x4096xbf16>, tensor<4096x4096xbf16>) -> tensor<4096x4096xbf16>
  return %0 : tensor<4096x4096xbf16>
}
func.func @tf32_nt_2048x2048x2048_x1(%a: tensor<2048x2048xf32>, %b0: tensor<2048x2048xf32>) -> (tensor<2048x2048xf32>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] {precision = #fluxion<precision tf32>} : (tensor<2048x2048xf32>, tensor<2048x2048xf32>) -> tensor<2048x2048xf32>
  return %0 : tensor<2048x2048xf32>
}
func.func @tf32_nt_4096x4096x4096_x1(%a: tensor<4096x4096xf32>, %b0: tensor<4096x4096xf32>) -> (tensor<4096x4096xf32>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] {precision = #fluxion<precision tf32>} : (tensor<4096x4096xf32>, tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}
func.func @tf32_nt_8192x8192x8192_x1(%a: tensor<8192x8192xf32>, %b0: tensor<8192x8192xf32>) -> (tensor<8192x8192xf32>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] {precision = #fluxion<precision tf32>} : (tensor<8192x8192xf32>, tensor<8192x8192xf32>) -> tensor<8192x8192xf32>
  return %0 : tensor<8192x8192xf32>
}
func.func @tf32_nn_4096x4096x4096_x1(%a: tensor<4096x4096xf32>, %b0: tensor<4096x4096xf32>) -> (tensor<4096x4096xf32>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [0] {precision = #fluxion<precision tf32>} : (tensor<4096x4096xf32>, tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}
func.func @tf32_tn_4096x4096x4096_x1(%a: tensor<4096x4096xf32>, %b0: tensor<4096x4096xf32>) -> (tensor<4096x4096xf32>) {
  %0 = fluxion.dot_general %a, %b0 contracting [0] x [0] {precision = #fluxion<precision tf32>} : (tensor<4096x4096xf32>, tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}
func.func @tf32_tt_4096x4096x4096_x1(%a: tensor<4096x4096xf32>, %b0: tensor<4096x4096xf32>) -> (tensor<4096x4096xf32>) {
  %0 = fluxion.dot_general %a, %b0 contracting [0] x [1] {precision = #fluxion<precision tf32>} : (tensor<4096x4096xf32>, tensor<4096x4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}
func.func @bf16_nt_8192x768x3072_x1(%a: tensor<8192x3072xbf16>, %b0: tensor<768x3072xbf16>) -> (tensor<8192x768xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<8192x3072xbf16>, tensor<768x3072xbf16>) -> tensor<8192x768xbf16>
  return %0 : tensor<8192x768xbf16>
}
func.func @bf16_nt_1024x1024x1024_x10(%a: tensor<1024x1024xbf16>, %b0: tensor<1024x1024xbf16>, %b1: tensor<1024x1024xbf16>, %b2: tensor<1024x1024xbf16>, %b3: tensor<1024x1024xbf16>, %b4: tensor<1024x1024xbf16>, %b5: tensor<1024x1024xbf16>, %b6: tensor<1024x1024xbf16>, %b7: tensor<1024x1024xbf16>, %b8: tensor<1024x1024xbf16>, %b9: tensor<1024x1024xbf16>) -> (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %1 = fluxion.dot_general %a, %b1 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %2 = fluxion.dot_general %a, %b2 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %3 = fluxion.dot_general %a, %b3 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %4 = fluxion.dot_general %a, %b4 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %5 = fluxion.dot_general %a, %b5 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %6 = fluxion.dot_general %a, %b6 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %7 = fluxion.dot_general %a, %b7 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %8 = fluxion.dot_general %a, %b8 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  %9 = fluxion.dot_general %a, %b9 contracting [1] x [1] : (tensor<1024x1024xbf16>, tensor<1024x1024xbf16>) -> tensor<1024x1024xbf16>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9 : tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>, tensor<1024x1024xbf16>
}
func.func @bf16_nt_128x512x784_x20(%a: tensor<128x784xbf16>, %b0: tensor<512x784xbf16>, %b1: tensor<512x784xbf16>, %b2: tensor<512x784xbf16>, %b3: tensor<512x784xbf16>, %b4: tensor<512x784xbf16>, %b5: tensor<512x784xbf16>, %b6: tensor<512x784xbf16>, %b7: tensor<512x784xbf16>, %b8: tensor<512x784xbf16>, %b9: tensor<512x784xbf16>, %b10: tensor<512x784xbf16>, %b11: tensor<512x784xbf16>, %b12: tensor<512x784xbf16>, %b13: tensor<512x784xbf16>, %b14: tensor<512x784xbf16>, %b15: tensor<512x784xbf16>, %b16: tensor<512x784xbf16>, %b17: tensor<512x784xbf16>, %b18: tensor<512x784xbf16>, %b19: tensor<512x784xbf16>) -> (tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %1 = fluxion.dot_general %a, %b1 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %2 = fluxion.dot_general %a, %b2 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %3 = fluxion.dot_general %a, %b3 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %4 = fluxion.dot_general %a, %b4 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %5 = fluxion.dot_general %a, %b5 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %6 = fluxion.dot_general %a, %b6 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %7 = fluxion.dot_general %a, %b7 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %8 = fluxion.dot_general %a, %b8 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %9 = fluxion.dot_general %a, %b9 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %10 = fluxion.dot_general %a, %b10 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %11 = fluxion.dot_general %a, %b11 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %12 = fluxion.dot_general %a, %b12 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %13 = fluxion.dot_general %a, %b13 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %14 = fluxion.dot_general %a, %b14 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %15 = fluxion.dot_general %a, %b15 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %16 = fluxion.dot_general %a, %b16 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %17 = fluxion.dot_general %a, %b17 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %18 = fluxion.dot_general %a, %b18 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  %19 = fluxion.dot_general %a, %b19 contracting [1] x [1] : (tensor<128x784xbf16>, tensor<512x784xbf16>) -> tensor<128x512xbf16>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19 : tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>, tensor<128x512xbf16>
}
func.func @bf16_nt_512x512x128_x20(%a: tensor<512x128xbf16>, %b0: tensor<512x128xbf16>, %b1: tensor<512x128xbf16>, %b2: tensor<512x128xbf16>, %b3: tensor<512x128xbf16>, %b4: tensor<512x128xbf16>, %b5: tensor<512x128xbf16>, %b6: tensor<512x128xbf16>, %b7: tensor<512x128xbf16>, %b8: tensor<512x128xbf16>, %b9: tensor<512x128xbf16>, %b10: tensor<512x128xbf16>, %b11: tensor<512x128xbf16>, %b12: tensor<512x128xbf16>, %b13: tensor<512x128xbf16>, %b14: tensor<512x128xbf16>, %b15: tensor<512x128xbf16>, %b16: tensor<512x128xbf16>, %b17: tensor<512x128xbf16>, %b18: tensor<512x128xbf16>, %b19: tensor<512x128xbf16>) -> (tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>) {
  %0 = fluxion.dot_general %a, %b0 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %1 = fluxion.dot_general %a, %b1 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %2 = fluxion.dot_general %a, %b2 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %3 = fluxion.dot_general %a, %b3 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %4 = fluxion.dot_general %a, %b4 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %5 = fluxion.dot_general %a, %b5 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %6 = fluxion.dot_general %a, %b6 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %7 = fluxion.dot_general %a, %b7 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %8 = fluxion.dot_general %a, %b8 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %9 = fluxion.dot_general %a, %b9 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %10 = fluxion.dot_general %a, %b10 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %11 = fluxion.dot_general %a, %b11 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %12 = fluxion.dot_general %a, %b12 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %13 = fluxion.dot_general %a, %b13 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %14 = fluxion.dot_general %a, %b14 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %15 = fluxion.dot_general %a, %b15 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %16 = fluxion.dot_general %a, %b16 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %17 = fluxion.dot_general %a, %b17 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %18 = fluxion.dot_general %a, %b18 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  %19 = fluxion.dot_general %a, %b19 contracting [1] x [1] : (tensor<512x128xbf16>, tensor<512x128xbf16>) -> tensor<512x512xbf16>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19 : tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>, tensor<512x512xbf16>
}
