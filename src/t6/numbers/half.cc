#include "t6/numbers/half.h"

#include <bit>
#include <cmath>

namespace t6 {

float float_from_float16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                        : std::bit_cast<float>(((exponent + 112) << 23) | (fraction << 13));
  return sign ? -magnitude : magnitude;
}

}  // namespace t6
