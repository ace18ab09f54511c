// The two floats of 16 bits: bfloat16 and float16 (IEEE 754 binary16).
#pragma once

#include <bit>
#include <cstdint>

namespace t6 {

inline float float_from_bfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
uint16_t bfloat16_from_float(float value);  // rounds to nearest even, keeps NaN
float float_from_float16(uint16_t bits);
uint16_t float16_from_float(float value);  // rounds to nearest even, overflows to infinity

}  // namespace t6
