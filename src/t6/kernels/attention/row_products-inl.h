// Products of rows with rows, both along the lanes.

#if defined(T6_KERNELS_ATTENTION_ROW_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_ROW_PRODUCTS_INL_H_
#undef T6_KERNELS_ATTENTION_ROW_PRODUCTS_INL_H_
#else
#define T6_KERNELS_ATTENTION_ROW_PRODUCTS_INL_H_
#endif

#include <cstdint>

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// c[m][n] += sum_p sum_k a[p][m][k] b[p][n][k], where N is small and K whole vectors.
struct RowProducts {
  const float* a = nullptr;  // [parts, M, K]
  int64_t a_part = 0, a_row = 0;
  const float* b = nullptr;  // [parts, N, K]
  int64_t b_part = 0, b_row = 0;
  float* c = nullptr;  // [M, N]
  int64_t M = 0, N = 0, K = 0, parts = 1;
};

template <int kRows, int kColumns>
HWY_INLINE void add_row_products_tile(const RowProducts& p, int64_t first_m, int64_t first_n) {
  const Floats d;
  Vector sums[kRows][kColumns];
  T6_UNROLL
  for (int m = 0; m < kRows; ++m) {
    T6_UNROLL
    for (int n = 0; n < kColumns; ++n) sums[m][n] = hn::Zero(d);
  }
  for (int64_t part = 0; part < p.parts; ++part) {
    const float *a = p.a + part * p.a_part + first_m * p.a_row, *b = p.b + part * p.b_part + first_n * p.b_row;
    for (int64_t k = 0; k < p.K; k += kLanes) {
      Vector row[kRows];
      T6_UNROLL
      for (int m = 0; m < kRows; ++m) row[m] = hn::Load(d, a + m * p.a_row + k);
      T6_UNROLL
      for (int n = 0; n < kColumns; ++n) {
        const Vector column = hn::Load(d, b + n * p.b_row + k);
        T6_UNROLL
        for (int m = 0; m < kRows; ++m) sums[m][n] = hn::MulAdd(row[m], column, sums[m][n]);
      }
    }
  }
  T6_UNROLL
  for (int m = 0; m < kRows; ++m) {
    T6_UNROLL
    for (int n = 0; n < kColumns; ++n) {
      p.c[(first_m + m) * p.N + first_n + n] += hn::GetLane(hn::SumOfLanes(d, sums[m][n]));
    }
  }
}

template <int kRows>
void add_row_products_of(const RowProducts& p, int64_t m) {
  int64_t n = 0;
  for (; n + 6 <= p.N; n += 6) add_row_products_tile<kRows, 6>(p, m, n);
  for (; n + 2 <= p.N; n += 2) add_row_products_tile<kRows, 2>(p, m, n);
  for (; n < p.N; ++n) add_row_products_tile<kRows, 1>(p, m, n);
}

inline void add_row_products(const RowProducts& p) {
  int64_t m = 0;
  for (; m + 2 <= p.M; m += 2) add_row_products_of<2>(p, m);
  for (; m < p.M; ++m) add_row_products_of<1>(p, m);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_ROW_PRODUCTS_INL_H_
