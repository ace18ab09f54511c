#include "t6/numbers/cache_page.h"

#include <algorithm>
#include <cmath>

#include "t6/numbers/stored_number.h"

namespace t6 {
namespace {

constexpr int64_t kAlignment = 64;  // bytes of the widest vectors

// A token's factor vector: number i is number `number + i * number_step` of the row i * row_step bytes after the first.
struct TokenVector {
  int64_t row, row_step, number, number_step;
};
TokenVector token_vector(const PagedStream& stream, int64_t r, int64_t slot) {
  const int64_t vector = stream.offset + r * stream.vector_bytes(), row = stream.row_bytes();
  if (stream.token_rows) return {vector + slot * row, 0, 0, 1};
  return {vector, row, slot, 0};
}

int64_t scales_of(const PagedStream& stream, int64_t r) {
  return stream.scale_offset + r * stored_bytes(kCacheScale, kPageTokens);
}

// The least bfloat16 at or above value > 0: the largest integer times it must reach the largest number.
float scale_above(float value) {
  uint16_t bits = bfloat16_from_float(value);
  if (float_from_bfloat16(bits) < value) ++bits;
  return float_from_bfloat16(bits);
}

float scale_for(const float* numbers, int64_t count, int largest_integer) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(numbers[i]));
  return largest > 0 ? scale_above(largest / static_cast<float>(largest_integer)) : 0;
}

template <NumberType kType>
void write_vector(const PagedStream& stream, std::byte* page, int64_t r, int64_t slot, const float* numbers) {
  const TokenVector to = token_vector(stream, r, slot);
  std::byte* const row = page + to.row;
  if constexpr (has_scales(kType)) {
    const float scale = scale_for(numbers, stream.width, largest_integer(kType));
    store_number<kCacheScale>(scale, page + scales_of(stream, r), slot);
    for (int64_t i = 0; i < stream.width; ++i) {
      store_number<kType>(scale > 0 ? numbers[i] / scale : 0, row + i * to.row_step, to.number + i * to.number_step);
    }
  } else {
    for (int64_t i = 0; i < stream.width; ++i) {
      store_number<kType>(numbers[i], row + i * to.row_step, to.number + i * to.number_step);
    }
  }
}

template <NumberType kType>
void read_vector(const PagedStream& stream, const std::byte* page, int64_t r, int64_t slot, float* numbers) {
  const TokenVector from = token_vector(stream, r, slot);
  const std::byte* const row = page + from.row;
  for (int64_t i = 0; i < stream.width; ++i) {
    numbers[i] = load_number<kType>(row + i * from.row_step, from.number + i * from.number_step);
  }
  if constexpr (has_scales(kType)) {
    const float scale = load_number<kCacheScale>(page + scales_of(stream, r), slot);
    for (int64_t i = 0; i < stream.width; ++i) numbers[i] *= scale;
  }
}

}  // namespace

int64_t PagedStream::place(int64_t at) {
  offset = round_up(at, kAlignment);
  scale_offset = round_up(offset + bytes(), kAlignment);
  return scale_offset + scale_bytes();
}

void write_token(const PagedStream& stream, std::byte* page, int64_t slot, const float* factors) {
  with_cache_type(stream.type, [&](auto type) {
    for (int64_t r = 0; r < stream.vectors; ++r)
      write_vector<type()>(stream, page, r, slot, factors + r * stream.width);
  });
}

void read_token(const PagedStream& stream, const std::byte* page, int64_t slot, float* factors) {
  with_cache_type(stream.type, [&](auto type) {
    for (int64_t r = 0; r < stream.vectors; ++r) read_vector<type()>(stream, page, r, slot, factors + r * stream.width);
  });
}

}  // namespace t6
