#include "t6/numbers/dequantize/small_blocks.h"

#include <bit>

#include "t6/numbers/half.h"

namespace t6 {
namespace {

// What 4 bits stand for: closer together about zero, as weights are.
constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
// Twice the numbers of the OCP's E2M1: a sign, two bits of exponent and one of mantissa.
constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Number i of 256 in 64 bytes: two halves of four runs of 32, run r being bits 2r and 2r + 1 of 32 bytes.
int two_bits(const uint8_t* values, int i) { return values[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3; }

}  // namespace

void decode(const BlockQ2K& block, float* out) {
  const float all = float_from_float16(block.scale), all_minimum = float_from_float16(block.minimum);
  for (int i = 0; i < 256; ++i) {
    const int scales = block.scales[i / 16];
    const float scale = all * static_cast<float>(scales & 15), minimum = all_minimum * static_cast<float>(scales >> 4);
    out[i] = scale * static_cast<float>(two_bits(block.values, i)) - minimum;
  }
}

void decode(const BlockQ3K& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int group = 0; group < 16; ++group) {
    const int four = block.scales[group % 8] >> (group / 8 * 4) & 15;
    const int two = block.scales[8 + group % 4] >> (group / 4 * 2) & 3;
    const float scale = all * static_cast<float>((four | two << 4) - 32);
    for (int i = 16 * group; i < 16 * group + 16; ++i) {
      const int high = block.high[i % 32] >> (i / 32) & 1;
      out[i] = scale * static_cast<float>(two_bits(block.values, i) - (high != 0 ? 0 : 4));
    }
  }
}

void decode(const BlockIQ4NL& block, float* out) {
  const float scale = float_from_float16(block.scale);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(kIq4Values[nibble(block.values, i)]);
}

void decode(const BlockIQ4XS& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int group = 0; group < 8; ++group) {
    const int four = block.scales_low[group / 2] >> (group % 2 * 4) & 15, two = block.scales_high >> (2 * group) & 3;
    const float scale = all * static_cast<float>((four | two << 4) - 32);
    const uint8_t* values = block.values + 16 * group;
    for (int i = 0; i < 32; ++i) *out++ = scale * static_cast<float>(kIq4Values[nibble(values, i)]);
  }
}

void decode(const BlockMXFP4& block, float* out) {
  // Half of the exponent's power of two; the smallest two have no leading bit.
  const uint32_t exponent = block.exponent;
  const auto scale = std::bit_cast<float>(exponent < 2 ? uint32_t{0x00200000} << exponent : (exponent - 1) << 23);
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(kMxfp4Values[nibble(block.values, i)]);
}

void decode(const BlockTQ1& block, float* out) {
  const float scale = float_from_float16(block.scale);
  // Digit by digit of `count` bytes, which are fractions of 256: three times one is the digit, and the rest beyond.
  const auto digits = [&](const uint8_t* bytes, int count, int most) {
    constexpr int kPowers[] = {1, 3, 9, 27, 81};
    for (int digit = 0; digit < most; ++digit) {
      for (int i = 0; i < count; ++i) {
        const int rest = bytes[i] * kPowers[digit] & 255;
        *out++ = scale * static_cast<float>((rest * 3 >> 8) - 1);
      }
    }
  };
  digits(block.values, 32, 5);
  digits(block.values + 32, 16, 5);
  digits(block.last, 4, 4);
}

void decode(const BlockTQ2& block, float* out) {
  const float scale = float_from_float16(block.scale);
  for (int i = 0; i < 256; ++i) out[i] = scale * static_cast<float>(two_bits(block.values, i) - 1);
}

}  // namespace t6
