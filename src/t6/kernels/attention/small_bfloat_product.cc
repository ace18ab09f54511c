#include "t6/kernels/attention/small_bfloat_product.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/kernels/linear/matrix_tiles.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace t6 {
namespace {

// Rows and columns of c to and from a whole tile.
void copy_block(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
  for (int64_t r = 0; r < rows; ++r) std::copy_n(from + r * from_row, columns, to + r * to_row);
}

void multiply_by_tiles(const SmallBfloatProduct& p) {
  constexpr int64_t kFloat = sizeof(float);
  alignas(64) float part[kMatrixTileRows * kMatrixTileColumns];
  for (int64_t n = 0; n < p.N; n += kMatrixTileColumns) {
    for (int64_t m = 0; m < p.M; m += kMatrixTileRows) {
      float* c = p.c + m * p.c_row + n;
      BfloatTileProduct tile = {.a = p.a + m * p.a_row,
                                .a_row = p.a_row * 2,
                                .a_step = kMatrixTileDepth * 2,
                                .b = p.b + n,
                                .b_row = p.b_row * 4,
                                .b_half = kTileLanes * 4,
                                .c = c,
                                .c_row = p.c_row * kFloat,
                                .steps = p.K / kMatrixTileDepth,
                                .accumulate = p.accumulate};
      const int64_t rows = std::min<int64_t>(kMatrixTileRows, p.M - m);
      const int64_t columns = std::min<int64_t>(kMatrixTileColumns, p.N - n);
      const bool whole = rows == kMatrixTileRows && columns == kMatrixTileColumns;
      if (!whole) {
        tile.c = part;
        tile.c_row = kMatrixTileColumns * kFloat;
        if (p.accumulate) copy_block(c, p.c_row, rows, columns, part, kMatrixTileColumns);
      }
      multiply_bfloat_matrix_tile(tile);
      if (!whole) copy_block(part, kMatrixTileColumns, rows, columns, c, p.c_row);
    }
  }
}

#if defined(__x86_64__)
#define T6_BFLOATS __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

// Before a loop over registers, as T6_UNROLL of the files that include Highway.
#if defined(__clang__)
#define T6_UNROLL_TILE _Pragma("unroll")
#else
#define T6_UNROLL_TILE _Pragma("GCC unroll 16")
#endif

template <int kRows, int kVectors>
T6_BFLOATS void multiply_vectors(const SmallBfloatProduct& p, int64_t m, int64_t n) {
  float* c = p.c + m * p.c_row + n;
  __m512 sums[kRows][kVectors];
  T6_UNROLL_TILE
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL_TILE
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = p.accumulate ? _mm512_loadu_ps(c + r * p.c_row + 16 * v) : _mm512_setzero_ps();
    }
  }
  const uint16_t* a = p.a + m * p.a_row;
  const uint32_t* b = p.b + n;
  for (int64_t k = 0; k < p.K; k += 2, a += 2, b += p.b_row) {
    __m512bh columns[kVectors];
    T6_UNROLL_TILE
    for (int v = 0; v < kVectors; ++v) columns[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + 16 * v));
    T6_UNROLL_TILE
    for (int r = 0; r < kRows; ++r) {
      // As in linear/bfloat_tile.cc.
      const auto* pair = reinterpret_cast<const float*>(a + r * p.a_row);
      const auto factor = reinterpret_cast<__m512bh>(_mm512_maskz_broadcastss_ps(0xffff, _mm_load_ss(pair)));
      T6_UNROLL_TILE
      for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], factor, columns[v]);
    }
  }
  T6_UNROLL_TILE
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL_TILE
    for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(c + r * p.c_row + 16 * v, sums[r][v]);
  }
}

template <int kVectors>
T6_BFLOATS void multiply_columns(const SmallBfloatProduct& p, int64_t n) {
  int64_t m = 0;
  for (; m + 12 <= p.M; m += 12) multiply_vectors<12, kVectors>(p, m, n);
  for (; m + 4 <= p.M; m += 4) multiply_vectors<4, kVectors>(p, m, n);
  for (; m < p.M; ++m) multiply_vectors<1, kVectors>(p, m, n);
}

T6_BFLOATS void multiply_by_vectors(const SmallBfloatProduct& p) {
  int64_t n = 0;
  for (; n + 32 <= p.N; n += 32) multiply_columns<2>(p, n);
  if (n < p.N) multiply_columns<1>(p, n);
}

#else

void multiply_by_vectors(const SmallBfloatProduct&) { fail("this processor has no bfloat16 products"); }

#endif

}  // namespace

void small_bfloat_product(const SmallBfloatProduct& product, bool matrix_tiles) {
  if (matrix_tiles) return multiply_by_tiles(product);
  multiply_by_vectors(product);
}

}  // namespace t6
