#include "t6/numbers/cache_page.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

constexpr int64_t kAlignment = 64;  // bytes of the widest vectors

constexpr std::array<std::pair<CacheType, std::string_view>, 4> kTypeNames = {
    {{CacheType::f32, "float32"}, {CacheType::bf16, "bfloat16"}, {CacheType::f16, "float16"}, {CacheType::i8, "int8"}}};

template <typename Number>
Number* at(std::byte* page, int64_t offset) {
  return reinterpret_cast<Number*>(page + offset);
}
template <typename Number>
const Number* at(const std::byte* page, int64_t offset) {
  return reinterpret_cast<const Number*>(page + offset);
}

// Number i of a token's factor vector r is at first(r) + i * step().
int64_t first(const PagedStream& stream, int64_t r, int64_t slot) {
  return r * stream.width * kPageTokens + slot * (stream.token_rows ? stream.width : 1);
}
int64_t step(const PagedStream& stream) { return stream.token_rows ? 1 : kPageTokens; }

// The least bfloat16 at or above value > 0: 127 of it must reach the largest number.
uint16_t scale_above(float value) {
  uint16_t bits = bfloat16_from_float(value);
  if (float_from_bfloat16(bits) < value) ++bits;
  return bits;
}

template <typename Number, typename Convert>
void write_numbers(const PagedStream& stream, std::byte* page, int64_t slot, const float* factors, Convert&& convert) {
  Number* numbers = at<Number>(page, stream.offset);
  const int64_t next = step(stream);
  for (int64_t r = 0; r < stream.vectors; ++r) {
    Number* to = numbers + first(stream, r, slot);
    for (int64_t i = 0; i < stream.width; ++i) to[i * next] = convert(factors[r * stream.width + i]);
  }
}

template <typename Number, typename Convert>
void read_numbers(const PagedStream& stream, const std::byte* page, int64_t slot, float* factors, Convert&& convert) {
  const Number* numbers = at<Number>(page, stream.offset);
  const int64_t next = step(stream);
  for (int64_t r = 0; r < stream.vectors; ++r) {
    const Number* from = numbers + first(stream, r, slot);
    for (int64_t i = 0; i < stream.width; ++i) factors[r * stream.width + i] = convert(from[i * next]);
  }
}

void write_8_bit(const PagedStream& stream, std::byte* page, int64_t slot, const float* factors) {
  auto* scales = at<uint16_t>(page, stream.scale_offset);
  auto* numbers = at<int8_t>(page, stream.offset);
  for (int64_t r = 0; r < stream.vectors; ++r) {
    const float* from = factors + r * stream.width;
    float largest = 0;
    for (int64_t i = 0; i < stream.width; ++i) largest = std::max(largest, std::abs(from[i]));
    const uint16_t bits = largest > 0 ? scale_above(largest / 127) : 0;
    const float scale = float_from_bfloat16(bits);
    scales[r * kPageTokens + slot] = bits;
    int8_t* to = numbers + first(stream, r, slot);
    for (int64_t i = 0; i < stream.width; ++i) {
      to[i * step(stream)] = static_cast<int8_t>(scale > 0 ? std::lrint(from[i] / scale) : 0);
    }
  }
}

}  // namespace

std::string_view cache_type_name(CacheType type) {
  for (const auto& [known, name] : kTypeNames) {
    if (known == type) return name;
  }
  fail("unknown cache type {}", static_cast<int>(type));
}

std::vector<std::string> cache_type_names() {
  std::vector<std::string> names;
  for (const auto& [type, name] : kTypeNames) names.emplace_back(name);
  return names;
}

CacheType parse_cache_type(std::string_view name) {
  for (const auto& [type, known] : kTypeNames) {
    if (known == name) return type;
  }
  fail("the cache type must be float32, bfloat16, float16 or int8, not \"{}\"", name);
}

int64_t PagedStream::place(int64_t at) {
  offset = round_up(at, kAlignment);
  scale_offset = round_up(offset + bytes(), kAlignment);
  return scale_offset + scale_bytes();
}

void write_token(const PagedStream& stream, std::byte* page, int64_t slot, const float* factors) {
  switch (stream.type) {
    case CacheType::f32:
      return write_numbers<float>(stream, page, slot, factors, [](float x) { return x; });
    case CacheType::bf16:
      return write_numbers<uint16_t>(stream, page, slot, factors, bfloat16_from_float);
    case CacheType::f16:
      return write_numbers<uint16_t>(stream, page, slot, factors, float16_from_float);
    case CacheType::i8:
      return write_8_bit(stream, page, slot, factors);
  }
}

void read_token(const PagedStream& stream, const std::byte* page, int64_t slot, float* factors) {
  switch (stream.type) {
    case CacheType::f32:
      return read_numbers<float>(stream, page, slot, factors, [](float x) { return x; });
    case CacheType::bf16:
      return read_numbers<uint16_t>(stream, page, slot, factors, float_from_bfloat16);
    case CacheType::f16:
      return read_numbers<uint16_t>(stream, page, slot, factors, float_from_float16);
    case CacheType::i8:
      read_numbers<int8_t>(stream, page, slot, factors, [](int8_t x) { return static_cast<float>(x); });
      for (int64_t r = 0; r < stream.vectors; ++r) {
        const float scale = float_from_bfloat16(at<uint16_t>(page, stream.scale_offset)[r * kPageTokens + slot]);
        for (int64_t i = 0; i < stream.width; ++i) factors[r * stream.width + i] *= scale;
      }
  }
}

}  // namespace t6
