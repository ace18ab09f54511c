#include "t6/kernels/linear/bfloat_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#else
#include "t6/core/error.h"
#endif

// Before a loop over registers, as T6_UNROLL of the files that include Highway.
#if defined(__clang__)
#define T6_UNROLL_TILE _Pragma("unroll")
#else
#define T6_UNROLL_TILE _Pragma("GCC unroll 16")
#endif

namespace t6 {

// Highway 1.0.3, Debian 12's, has no such product, so this one is written for its processors by hand.
#if defined(__x86_64__)

bool has_bfloat_tile() { return __builtin_cpu_supports("avx512bf16") != 0; }

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void multiply_bfloat_tile(const float* a,
                                                                                          const float* b, int64_t pairs,
                                                                                          float* sums) {
  __m512 sum[kBfloatTileRows][2];
  T6_UNROLL_TILE
  for (int r = 0; r < kBfloatTileRows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < pairs; ++k, a += kBfloatTileRows, b += kBfloatTileColumns) {
    const auto low = reinterpret_cast<__m512bh>(_mm512_load_ps(b));
    const auto high = reinterpret_cast<__m512bh>(_mm512_load_ps(b + 16));
    T6_UNROLL_TILE
    for (int r = 0; r < kBfloatTileRows; ++r) {
      // _mm512_set1_ps here takes Clang 16 down, and GCC 12 warns of the form without a mask.
      const auto factor = reinterpret_cast<__m512bh>(_mm512_maskz_broadcastss_ps(0xffff, _mm_load_ss(a + r)));
      sum[r][0] = _mm512_dpbf16_ps(sum[r][0], factor, low);
      sum[r][1] = _mm512_dpbf16_ps(sum[r][1], factor, high);
    }
  }
  T6_UNROLL_TILE
  for (int r = 0; r < kBfloatTileRows; ++r) {
    _mm512_store_ps(sums + r * kBfloatTileColumns, sum[r][0]);
    _mm512_store_ps(sums + r * kBfloatTileColumns + 16, sum[r][1]);
  }
}

namespace {

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) __mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : (1 << std::max<int64_t>(0, count)) - 1);
}

}  // namespace

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void round_to_bfloats(const float* from, int64_t count,
                                                                                      uint16_t* to) {
  int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
    _mm512_storeu_si512(to + i, reinterpret_cast<__m512i>(both));
  }
  for (; i < count; i += 16) {
    const __mmask16 some = first(count - i);
    const __m256bh numbers = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(some, from + i));
    _mm256_mask_storeu_epi16(to + i, some, reinterpret_cast<__m256i>(numbers));
  }
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void round_to_pairs(const float* low, const float* high,
                                                                                    int64_t count, float* to) {
  alignas(64) static constexpr uint16_t kPairs[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i order = _mm512_load_si512(kPairs);
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 some = first(count - i);
    const __m512bh both =
        _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(some, high + i), _mm512_maskz_loadu_ps(some, low + i));
    _mm512_storeu_si512(to + i, _mm512_permutexvar_epi16(order, reinterpret_cast<__m512i>(both)));
  }
}

#else

bool has_bfloat_tile() { return false; }

void multiply_bfloat_tile(const float*, const float*, int64_t, float*) {
  fail("this processor has no bfloat16 products");
}
void round_to_bfloats(const float*, int64_t, uint16_t*) { fail("this processor has no bfloat16 numbers"); }
void round_to_pairs(const float*, const float*, int64_t, float*) { fail("this processor has no bfloat16 numbers"); }

#endif

}  // namespace t6
