// The innermost part of a bfloat16 product on processors that multiply such numbers themselves.
#pragma once

#include <cstdint>

namespace t6 {

// The tile's size: whole registers of AVX-512, as that of float32 (gemm_tile-inl.h).
constexpr int kBfloatTileRows = 14;
constexpr int kBfloatTileColumns = 32;

// Whether the functions below may be called here: AVX512_BF16.
bool has_bfloat_tile();

// sums [kBfloatTileRows, kBfloatTileColumns] of products over `pairs` pairs of neighbours along K, the first of a pair
// in the low half. a [pairs, rows], b [pairs, columns] and sums are aligned for vectors but for a.
void multiply_bfloat_tile(const float* a, const float* b, int64_t pairs, float* sums);

// Rounds `count` numbers.
void round_to_bfloats(const float* from, int64_t count, uint16_t* to);

// to[i]: the pair of low[i] and high[i], rounded, for `count` numbers of at most 16 at a time. Writes whole vectors
// of 16.
void round_to_pairs(const float* low, const float* high, int64_t count, float* to);

}  // namespace t6
