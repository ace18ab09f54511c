// Pages of a factorized cache: the factors of 64 tokens, laid out as the attention kernels read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/rounding.h"

namespace t6 {

// How a cache stores a number; 8-bit ones have a scale for each factor vector.
enum class CacheType { f32, bf16, f16, i8 };

std::string_view cache_type_name(CacheType type);  // "float32", "bfloat16", "float16", "int8"
std::vector<std::string> cache_type_names();       // of all types
// Error: not one of these names.
CacheType parse_cache_type(std::string_view name);
constexpr int64_t cache_type_size(CacheType type) {  // bytes a number
  return type == CacheType::f32 ? 4 : type == CacheType::i8 ? 1 : 2;
}

// Tokens of a page: four vectors of AVX-512, so that a register tile of logits is a page wide, and few enough for a
// page's keys and values of one head (or of TPA's ranks) to stay in the first-level cache.
constexpr int64_t kPageTokens = 64;
constexpr int64_t pages_of(int64_t tokens) { return divide_up(tokens, kPageTokens); }

// Where one kind of factor lies in a page, in bytes from the page's start. Numbers are [vectors, width, 64] where
// tokens are the lanes (head factors, rotated keys), or [vectors, 64, width] with `token_rows` (values, and whatever is
// still to be finished on use). 8-bit numbers have a scale for each factor vector, bfloat16 [vectors, 64] at
// scale_offset.
struct PagedStream {
  CacheType type = CacheType::f32;
  bool token_rows = false;
  int64_t vectors = 0, width = 0;  // R, and H, D or the third factor's length; 0: not cached
  int64_t offset = 0, scale_offset = 0;

  int64_t bytes() const { return vectors * width * kPageTokens * cache_type_size(type); }
  int64_t scale_bytes() const { return type == CacheType::i8 ? vectors * kPageTokens * int64_t{sizeof(uint16_t)} : 0; }
  // Puts the stream at `at`, aligned for vectors; the first byte after it.
  int64_t place(int64_t at);
};

// Numbers as a cache keeps them, times a scale for each of 64 lanes (null: 1).
struct KeptNumbers {
  KeptNumbers(const float* numbers = nullptr) : at(reinterpret_cast<const std::byte*>(numbers)) {}
  KeptNumbers(CacheType kept_as, const std::byte* numbers, const float* lane_scales = nullptr)
      : at(numbers), type(kept_as), scales(lane_scales) {}

  explicit operator bool() const { return at != nullptr; }
  KeptNumbers from(int64_t i) const { return {type, at + i * cache_type_size(type), scales}; }

  const std::byte* at;
  CacheType type = CacheType::f32;
  const float* scales = nullptr;
};

// Writes one token's factors, [vectors, width], into its slot of a page (0 to 63), rounded to the stream's type.
void write_token(const PagedStream& stream, std::byte* page, int64_t slot, const float* factors);

// Reads them back: what the kernels compute with.
void read_token(const PagedStream& stream, const std::byte* page, int64_t slot, float* factors);

}  // namespace t6
