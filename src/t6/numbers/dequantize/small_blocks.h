// What the numbers of GGUF's blocks of two to four bits without a grid are.
#pragma once

#include <cstdint>

#include "t6/numbers/blocks.h"

namespace t6 {

// Number `index` of 32 in four bits: the first 16 lie in the lower halves of 16 bytes, the others in the upper.
inline int nibble(const uint8_t* values, int index) {
  return index < 16 ? values[index] & 15 : values[index - 16] >> 4;
}

// `out` has room for the numbers of a block: 32 or 256.
void decode(const BlockQ2K& block, float* out);
void decode(const BlockQ3K& block, float* out);
void decode(const BlockIQ4NL& block, float* out);
void decode(const BlockIQ4XS& block, float* out);
void decode(const BlockMXFP4& block, float* out);
void decode(const BlockTQ1& block, float* out);
void decode(const BlockTQ2& block, float* out);

}  // namespace t6
