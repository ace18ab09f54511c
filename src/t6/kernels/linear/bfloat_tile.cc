#include "t6/kernels/linear/bfloat_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include "t6/core/error.h"
#endif

namespace t6 {

// Highway 1.0.3, Debian 12's, has no such product, so this one is written for its processors by hand.
#if defined(__x86_64__)

bool has_bfloat_tile() { return __builtin_cpu_supports("avx512bf16") != 0; }

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void multiply_bfloat_tile(const float* a,
                                                                                          const float* b, int64_t pairs,
                                                                                          float* sums) {
  __m512 sum[kBfloatTileRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kBfloatTileRows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < pairs; ++k, a += kBfloatTileRows, b += kBfloatTileColumns) {
    const auto low = reinterpret_cast<__m512bh>(_mm512_load_ps(b));
    const auto high = reinterpret_cast<__m512bh>(_mm512_load_ps(b + 16));
#pragma GCC unroll 16
    for (int r = 0; r < kBfloatTileRows; ++r) {
      const auto factor = reinterpret_cast<__m512bh>(_mm512_set1_ps(a[r]));
      sum[r][0] = _mm512_dpbf16_ps(sum[r][0], factor, low);
      sum[r][1] = _mm512_dpbf16_ps(sum[r][1], factor, high);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kBfloatTileRows; ++r) {
    _mm512_store_ps(sums + r * kBfloatTileColumns, sum[r][0]);
    _mm512_store_ps(sums + r * kBfloatTileColumns + 16, sum[r][1]);
  }
}

#else

bool has_bfloat_tile() { return false; }

void multiply_bfloat_tile(const float*, const float*, int64_t, float*) {
  fail("this processor has no bfloat16 products");
}

#endif

}  // namespace t6
