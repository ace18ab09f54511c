// The matrix product inside the attention kernels in bfloat16, on processors that multiply such numbers.
#pragma once

#include <cstdint>

namespace t6 {

// Rows, columns and numbers along K that memory of a and b is read up to multiples of: a's rows, b's columns, both's K.
constexpr int64_t kBfloatRows = 32;

// c = a b or c += a b with float32 sums. a: rows of bfloat16. b: neighbours along K in pairs, the first in the low
// half. K is a multiple of kBfloatRows. N one of 16; b's columns past N, and a's rows past M, may be anything, c's are
// not touched.
struct SmallBfloatProduct {
  const uint16_t* a = nullptr;  // [M, K]
  int64_t a_row = 0;
  const uint32_t* b = nullptr;  // [K / 2, N]
  int64_t b_row = 0;
  float* c = nullptr;  // [M, N]
  int64_t c_row = 0;
  int64_t M = 0, N = 0, K = 0;
  bool accumulate = false;
};

// By matrix tiles where `matrix_tiles` says so, else by vectors. A row's bits depend on its row of a and on b alone,
// and on which of the two it is. Precondition: has_bfloat_tile(); by matrix tiles, within the life of
// MatrixTiles(kMostTileRows, 2 * kMatrixTileDepth).
void small_bfloat_product(const SmallBfloatProduct& product, bool matrix_tiles);

}  // namespace t6
