// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Numbers.h"

#include <bit>

namespace fluxion::rt::simt {
namespace {

float fromHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31, mantissa = bits & 1023;
  if (exponent == 0) { // zero or subnormal
    float value = float(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  uint32_t biased = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | biased << 23 | mantissa << 13);
}

} // namespace

float number(uint32_t bits, uint32_t type) {
  if (type == FX_SIMT_TF32)
    return std::bit_cast<float>(bits & ~uint32_t(0x1fff));
  return type == FX_SIMT_BF16 ? std::bit_cast<float>(bits << 16) : fromHalf((uint16_t)bits);
}

} // namespace fluxion::rt::simt
