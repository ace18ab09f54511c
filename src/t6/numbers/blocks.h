// Numbers stored in blocks along a row, byte for byte as in GGUF. A uint16_t is a float16.
#pragma once

#include <cstdint>

#include "t6/numbers/number_type.h"

namespace t6 {

// Blocks of 32. Of 4-bit values, number i is in the low half of values[i], number 16 + i in the high half; the fifth
// bit of number i, where there is one, is bit i of `high`.

// scale * values[i]
struct BlockQ8_0 {
  uint16_t scale;
  int8_t values[32];
};
// scale * (i's 4 bits - 8)
struct BlockQ4_0 {
  uint16_t scale;
  uint8_t values[16];
};
// scale * (i's 4 bits) + minimum
struct BlockQ4_1 {
  uint16_t scale, minimum;
  uint8_t values[16];
};
// scale * (i's 5 bits - 16)
struct BlockQ5_0 {
  uint16_t scale;
  uint8_t high[4], values[16];
};
// scale * (i's 5 bits) + minimum
struct BlockQ5_1 {
  uint16_t scale, minimum;
  uint8_t high[4], values[16];
};

// Two scales that the K types pack into six bits each: a number is scale * q - minimum, both times a float16 of the
// whole block.
struct GroupScales {
  uint8_t scale, minimum;
};

// 256 numbers of 4 bits in groups of 32. Byte i of values[32 g ...] holds number i of group 2g in its low half and of
// group 2g + 1 in its high half.
struct BlockQ4K {
  uint16_t scale, minimum;
  uint8_t scales[12];
  uint8_t values[128];

  GroupScales group(int index) const;  // 0 to 7
};
// The same with a fifth bit.
struct BlockQ5K {
  uint16_t scale, minimum;
  uint8_t scales[12];
  uint8_t high[32];  // bit g of byte i: the fifth bit of number i of group g
  uint8_t values[128];

  GroupScales group(int index) const;  // 0 to 7
};
// 256 numbers of 6 bits: scale * scales[i / 16] * (i's 6 bits - 32).
struct BlockQ6K {
  uint8_t low[128], high[64];  // four bits and two
  int8_t scales[16];           // of 16 numbers each
  uint16_t scale;
};

// 256 numbers of 2 bits, as Q6_K's two more: scale * (scales[i / 16] & 15) * (i's 2 bits) - minimum * (scales[i / 16]
// >> 4).
struct BlockQ2K {
  uint8_t scales[16], values[64];
  uint16_t scale, minimum;
};
// 256 numbers of 2 bits, less 4 where bit i / 32 of high[i % 32] is 0, times scale * (6 bits - 32): of 16 each.
struct BlockQ3K {
  uint8_t high[32], values[64], scales[12];
  uint16_t scale;
};
// Of the 4-bit values that stand for one of 16 numbers, as in Q4_0: scale * kIq4Values[i's 4 bits].
struct BlockIQ4NL {
  uint16_t scale;
  uint8_t values[16];
};
// Eight groups of 32 such, each with scale * (6 bits - 32).
struct BlockIQ4XS {
  uint16_t scale, scales_high;  // two bits of each group
  uint8_t scales_low[4];        // four bits
  uint8_t values[128];
};
// 2^(exponent - 128) * kMxfp4Values[i's 4 bits], as in Q4_0.
struct BlockMXFP4 {
  uint8_t exponent, values[16];
};
// scale * (-1, 0 or 1), five to a byte in base 3, or four.
struct BlockTQ1 {
  uint8_t values[48], last[4];
  uint16_t scale;
};
// scale * (-1, 0 or 1) of two bits, as Q6_K's two more.
struct BlockTQ2 {
  uint8_t values[64];
  uint16_t scale;
};

// 256 numbers in eights or fours that are rows of a grid (dequantize/grids.h), with a sign for each number, scaled in
// groups of 16 or 32. `values` holds indices of rows, or their low bits.
struct BlockIQ2XXS {
  uint16_t scale, values[32];
};
struct BlockIQ2XS {
  uint16_t scale, values[32];
  uint8_t scales[8];
};
struct BlockIQ2S {
  uint16_t scale;
  uint8_t values[32], signs[32], high[8], scales[8];
};
struct BlockIQ3XXS {
  uint16_t scale;
  uint8_t values[64], scales[32];  // scales and signs of a group in four bytes
};
struct BlockIQ3S {
  uint16_t scale;
  uint8_t values[64], high[8], signs[32], scales[4];
};
// Rows of -1, 0 and 1, moved by an eighth up or down.
struct BlockIQ1S {
  uint16_t scale;
  uint8_t values[32];
  uint16_t high[8];
};
struct BlockIQ1M {
  uint8_t values[32], high[16];
  uint16_t scales[4];  // the upper four bits of each are those of the block's scale
};

template <typename Block>
constexpr bool is_block_of(NumberType type) {
  return int64_t{sizeof(Block)} == number_type_info(type).block_bytes;
}
static_assert(is_block_of<BlockQ8_0>(NumberType::q8_0) && is_block_of<BlockQ4_0>(NumberType::q4_0));
static_assert(is_block_of<BlockQ4_1>(NumberType::q4_1) && is_block_of<BlockQ5_0>(NumberType::q5_0));
static_assert(is_block_of<BlockQ5_1>(NumberType::q5_1) && is_block_of<BlockQ4K>(NumberType::q4_k));
static_assert(is_block_of<BlockQ5K>(NumberType::q5_k) && is_block_of<BlockQ6K>(NumberType::q6_k));
static_assert(is_block_of<BlockQ2K>(NumberType::q2_k) && is_block_of<BlockQ3K>(NumberType::q3_k));
static_assert(is_block_of<BlockIQ4NL>(NumberType::iq4_nl) && is_block_of<BlockIQ4XS>(NumberType::iq4_xs));
static_assert(is_block_of<BlockMXFP4>(NumberType::mxfp4));
static_assert(is_block_of<BlockTQ1>(NumberType::tq1_0) && is_block_of<BlockTQ2>(NumberType::tq2_0));
static_assert(is_block_of<BlockIQ2XXS>(NumberType::iq2_xxs) && is_block_of<BlockIQ2XS>(NumberType::iq2_xs));
static_assert(is_block_of<BlockIQ2S>(NumberType::iq2_s) && is_block_of<BlockIQ3XXS>(NumberType::iq3_xxs));
static_assert(is_block_of<BlockIQ3S>(NumberType::iq3_s) && is_block_of<BlockIQ1S>(NumberType::iq1_s));
static_assert(is_block_of<BlockIQ1M>(NumberType::iq1_m));

}  // namespace t6
