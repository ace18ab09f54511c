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

template <typename Block>
constexpr bool is_block_of(NumberType type) {
  return int64_t{sizeof(Block)} == number_type_info(type).block_bytes;
}
static_assert(is_block_of<BlockQ8_0>(NumberType::q8_0) && is_block_of<BlockQ4_0>(NumberType::q4_0));
static_assert(is_block_of<BlockQ4_1>(NumberType::q4_1) && is_block_of<BlockQ5_0>(NumberType::q5_0));
static_assert(is_block_of<BlockQ5_1>(NumberType::q5_1) && is_block_of<BlockQ4K>(NumberType::q4_k));
static_assert(is_block_of<BlockQ5K>(NumberType::q5_k) && is_block_of<BlockQ6K>(NumberType::q6_k));

}  // namespace t6
