// How a group of 16 rows in one of GGUF's K types lies in memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "t6/numbers/number_type.h"

namespace t6 {

constexpr int64_t kSuperBlock = 256;  // numbers along a row
constexpr int64_t kSuperBlockRows = 16;
constexpr int64_t kWordLine = kSuperBlockRows * int64_t{sizeof(uint32_t)};  // bytes of one word of each row

// A stored block is float16s and `words` words of 32 bits: scales of groups and the numbers' bits, in the order of
// numbers/blocks.h. 16 rows' blocks are a line of their float16s, [2, 16], then a line of each word, [words, 16], so
// that the lanes of a vector are rows. That is as many bytes as in the file but for a float16 of rows that have one.
struct SuperBlockLayout {
  int64_t halves, halves_offset;  // float16s in a stored block, and where they begin
  int64_t words, words_offset;

  constexpr int64_t bytes() const { return (1 + words) * kWordLine; }  // of 16 rows
};

// Precondition: has_super_blocks(type).
constexpr SuperBlockLayout super_block_layout(NumberType type) {
  const int64_t bytes = number_type_info(type).block_bytes;
  const int64_t halves = type == NumberType::q3_k || type == NumberType::q6_k ? 1 : 2;
  const bool first = type == NumberType::q4_k || type == NumberType::q5_k;
  const int64_t words_bytes = bytes - 2 * halves;
  return {halves, first ? 0 : words_bytes, words_bytes / 4, first ? 2 * halves : 0};
}

// Writes 16 rows' blocks, `row_bytes` apart, side by side. Of `rows` < 16, the others are zeros.
void pack_super_block(NumberType type, const std::byte* from, int64_t row_bytes, int64_t rows, std::byte* to);

// One row's block as it was stored, number_type_info(type).block_bytes.
void unpack_super_block(NumberType type, const std::byte* from, int64_t row, std::byte* to);

}  // namespace t6
