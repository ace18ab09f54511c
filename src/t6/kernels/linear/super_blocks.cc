#include "t6/kernels/linear/super_blocks.h"

#include <cstring>

namespace t6 {
namespace {

constexpr int64_t kHalf = sizeof(uint16_t), kWord = sizeof(uint32_t);

int64_t half_offset(int64_t i, int64_t row) { return (i * kSuperBlockRows + row) * kHalf; }
int64_t word_offset(int64_t i, int64_t row) { return (i + 1) * kWordLine + row * kWord; }

}  // namespace

void pack_super_block(NumberType type, const std::byte* from, int64_t row_bytes, int64_t rows, std::byte* to) {
  const SuperBlockLayout layout = super_block_layout(type);
  if (rows < kSuperBlockRows || layout.halves < 2) std::memset(to, 0, static_cast<size_t>(layout.bytes()));
  for (int64_t r = 0; r < rows; ++r) {
    const std::byte* halves = from + r * row_bytes + layout.halves_offset;
    for (int64_t i = 0; i < layout.halves; ++i) std::memcpy(to + half_offset(i, r), halves + i * kHalf, kHalf);
  }
  // A line at a time, so that each is written once and whole.
  for (int64_t i = 0; i < layout.words; ++i) {
    const std::byte* words = from + layout.words_offset + i * kWord;
    for (int64_t r = 0; r < rows; ++r) std::memcpy(to + word_offset(i, r), words + r * row_bytes, kWord);
  }
}

void unpack_super_block(NumberType type, const std::byte* from, int64_t row, std::byte* to) {
  const SuperBlockLayout layout = super_block_layout(type);
  for (int64_t i = 0; i < layout.halves; ++i) {
    std::memcpy(to + layout.halves_offset + i * kHalf, from + half_offset(i, row), kHalf);
  }
  for (int64_t i = 0; i < layout.words; ++i) {
    std::memcpy(to + layout.words_offset + i * kWord, from + word_offset(i, row), kWord);
  }
}

}  // namespace t6
