// Pages of a factorized cache: the factors of 64 tokens, laid out as the attention kernels read them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "t6/core/rounding.h"
#include "t6/numbers/cache_type.h"

namespace t6 {

// Tokens of a page: four vectors of AVX-512, so that a register tile of logits is a page wide, and few enough for a
// page's keys and values of one head (or of TPA's ranks) to stay in the first-level cache.
constexpr int64_t kPageTokens = 64;
constexpr int64_t pages_of(int64_t tokens) { return divide_up(tokens, kPageTokens); }

// Where one kind of factor lies in a page, in bytes from the page's start. Numbers are [vectors, width, 64] where
// tokens are the lanes (head factors, rotated keys), or [vectors, 64, width] with `token_rows` (values, and whatever is
// still to be finished on use). Rows are whole blocks of the type. Types with scales have one for each factor vector,
// kCacheScale [vectors, 64] at scale_offset.
struct PagedStream {
  NumberType type = NumberType::f32;  // of kCacheTypes
  bool token_rows = false;
  int64_t vectors = 0, width = 0;  // R, and H, D or the third factor's length; 0: not cached
  int64_t offset = 0, scale_offset = 0;

  int64_t rows() const { return token_rows ? kPageTokens : width; }  // of a vector
  int64_t row_numbers() const { return token_rows ? width : kPageTokens; }
  int64_t row_bytes() const { return stored_bytes(type, row_numbers()); }
  int64_t vector_bytes() const { return rows() * row_bytes(); }
  int64_t bytes() const { return vectors * vector_bytes(); }
  int64_t scale_bytes() const { return has_scales(type) ? vectors * stored_bytes(kCacheScale, kPageTokens) : 0; }
  // Puts the stream at `at`, aligned for vectors; the first byte after it.
  int64_t place(int64_t at);
};

// Writes one token's factors, [vectors, width], into its slot of a page (0 to 63), rounded to the stream's type.
void write_token(const PagedStream& stream, std::byte* page, int64_t slot, const float* factors);

// Reads them back: what the kernels compute with.
void read_token(const PagedStream& stream, const std::byte* page, int64_t slot, float* factors);

}  // namespace t6
