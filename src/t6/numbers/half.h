// The two floats of 16 bits: bfloat16 and float16 (IEEE 754 binary16).
#pragma once

#include <bit>
#include <cstdint>

namespace t6 {

inline float float_from_bfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
// Rounds to nearest even, keeps NaN.
inline uint16_t bfloat16_from_float(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (value != value) return static_cast<uint16_t>((bits >> 16) | 0x40);  // stays NaN when its low bits go
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
float float_from_float16(uint16_t bits);
// Rounds to nearest even, overflows to infinity, keeps NaN.
inline uint16_t float16_from_float(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  constexpr uint32_t kInfinity = 0x477ff000;  // 65520, halfway past the largest float16
  constexpr uint32_t kNormal = 0x38800000;    // 2^-14
  uint32_t rounded;
  if (magnitude >= kInfinity) {
    rounded = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
  } else if (magnitude >= kNormal) {
    rounded = (magnitude - (112u << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  } else {  // a multiple of 2^-24, which is what 0.5 has room for
    rounded = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
  }
  return static_cast<uint16_t>(sign | rounded);
}

}  // namespace t6
