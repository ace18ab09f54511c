#include "t6/numbers/dequantize/grid_blocks.h"

#include <bit>
#include <span>

#include "t6/numbers/dequantize/grids.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

// What a row's digits stand for.
constexpr int kTwos[4] = {8, 25, 43};                           // of IQ2: digits 0 to 2
constexpr int kXxsThrees[8] = {4, 12, 20, 28, 36, 44, 52, 62};  // of IQ3_XXS
constexpr int kThrees[8] = {1, 3, 5, 7, 9, 11, 13, 15};         // of IQ3_S
constexpr float kEighth = 0.125f;                               // what moves the numbers of IQ1

// Seven signs and an eighth that makes the number of minuses even.
uint32_t even_signs(uint32_t seven) { return seven | (static_cast<uint32_t>(std::popcount(seven)) & 1) << 7; }

float sign(uint32_t signs, int i) { return (signs >> i & 1) != 0 ? -1.0f : 1.0f; }

// A row of eight numbers, two bits a digit.
float* put_eight(uint16_t row, uint32_t signs, float scale, float* out) {
  for (int i = 0; i < 8; ++i) *out++ = scale * static_cast<float>(kTwos[row >> (2 * i) & 3]) * sign(signs, i);
  return out;
}

// Two rows of four numbers, three bits a digit.
float* put_fours(uint16_t first, uint16_t second, const int* digits, uint32_t signs, float scale, float* out) {
  for (int i = 0; i < 8; ++i) {
    const int row = i < 4 ? first : second;
    *out++ = scale * static_cast<float>(digits[row >> (3 * (i % 4)) & 7]) * sign(signs, i);
  }
  return out;
}

// A row of eight of -1, 0 and 1, two bits a digit.
float* put_ones(uint16_t row, float move, float scale, float* out) {
  for (int i = 0; i < 8; ++i) *out++ = scale * (static_cast<float>((row >> (2 * i) & 3) - 1) + move);
  return out;
}

uint32_t four_bits(const uint8_t* bytes, int i) { return bytes[i / 2] >> (i % 2 * 4) & 15u; }
float plus_half(uint32_t value) { return 0.5f + static_cast<float>(value); }

}  // namespace

void decode(const BlockIQ2XXS& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int group = 0; group < 8; ++group) {
    const uint16_t* values = block.values + 4 * group;
    const uint32_t rows = values[0] | uint32_t{values[1]} << 16, rest = values[2] | uint32_t{values[3]} << 16;
    const float scale = all * plus_half(rest >> 28) * 0.25f;
    for (int k = 0; k < 4; ++k) {
      out = put_eight(kIq2XxsGrid[rows >> (8 * k) & 255], even_signs(rest >> (7 * k) & 127), scale, out);
    }
  }
}

void decode(const BlockIQ2XS& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int k = 0; k < 32; ++k) {
    const float scale = all * plus_half(four_bits(block.scales, k / 2)) * 0.25f;
    out = put_eight(kIq2XsGrid[block.values[k] & 511], even_signs(block.values[k] >> 9), scale, out);
  }
}

void decode(const BlockIQ2S& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int k = 0; k < 32; ++k) {
    const float scale = all * plus_half(four_bits(block.scales, k / 2)) * 0.25f;
    const int row = block.values[k] | (block.high[k / 4] >> (k % 4 * 2) & 3) << 8;
    out = put_eight(kIq2SGrid[row], block.signs[k], scale, out);
  }
}

void decode(const BlockIQ3XXS& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int group = 0; group < 8; ++group) {
    const uint8_t *values = block.values + 8 * group, *bytes = block.scales + 4 * group;
    const uint32_t rest = bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
    const float scale = all * plus_half(rest >> 28) * 0.5f;
    for (int k = 0; k < 4; ++k) {
      const uint32_t signs = even_signs(rest >> (7 * k) & 127);
      out = put_fours(kIq3XxsGrid[values[2 * k]], kIq3XxsGrid[values[2 * k + 1]], kXxsThrees, signs, scale, out);
    }
  }
}

void decode(const BlockIQ3S& block, float* out) {
  const float all = float_from_float16(block.scale);
  const auto row = [&](int i) { return kIq3SGrid[block.values[i] | (block.high[i / 8] >> (i % 8) & 1) << 8]; };
  for (int k = 0; k < 32; ++k) {
    const float scale = all * static_cast<float>(1 + 2 * four_bits(block.scales, k / 4));
    out = put_fours(row(2 * k), row(2 * k + 1), kThrees, block.signs[k], scale, out);
  }
}

void decode(const BlockIQ1S& block, float* out) {
  const float all = float_from_float16(block.scale);
  for (int k = 0; k < 32; ++k) {
    const int high = block.high[k / 4];
    const float scale = all * static_cast<float>(2 * (high >> 12 & 7) + 1);
    const int row = block.values[k] | (high >> (k % 4 * 3) & 7) << 8;
    out = put_ones(kIq1Grid[row], (high & 0x8000) != 0 ? -kEighth : kEighth, scale, out);
  }
}

void decode(const BlockIQ1M& block, float* out) {
  uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) bits |= static_cast<uint32_t>(block.scales[i] >> 12) << (4 * i);
  const float all = float_from_float16(static_cast<uint16_t>(bits));
  for (int k = 0; k < 32; ++k) {
    const float scale = all * static_cast<float>(2 * (block.scales[k / 8] >> (k / 2 % 4 * 3) & 7) + 1);
    const uint32_t high = four_bits(block.high, k);
    out = put_ones(kIq1Grid[block.values[k] | (high & 7) << 8], (high & 8) != 0 ? -kEighth : kEighth, scale, out);
  }
}

}  // namespace t6
