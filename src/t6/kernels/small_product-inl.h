// The matrix product inside the attention kernels: short rows, one operand broadcast, sums kept in registers.

#if defined(T6_KERNELS_SMALL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SMALL_PRODUCT_INL_H_
#undef T6_KERNELS_SMALL_PRODUCT_INL_H_
#else
#define T6_KERNELS_SMALL_PRODUCT_INL_H_
#endif

#include <cstdint>

#include "t6/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// c = a b, or c += a b. Element (m, k) of a is a[m * a_row + k * a_step]. Rows of c end on whole vectors, and what
// lies there past N is overwritten; rows of b are read up to N only.
struct SmallProduct {
  const float* a = nullptr;  // [M, K]
  int64_t a_row = 0, a_step = 0;
  const float* b = nullptr;  // [K, N]
  int64_t b_row = 0;
  float* c = nullptr;  // [M, N]
  int64_t c_row = 0;
  int64_t M = 0, N = 0, K = 0;
  bool accumulate = false;
};

// Sums over k in order, one multiply-add each: an element's bits do not depend on the tile that it falls into.
template <int kRows, int kVectors, bool kShort>
HWY_INLINE void small_product_tile(const SmallProduct& p, int64_t m, int64_t n) {
  static_assert(!kShort || kVectors == 1, "only a last vector is short");
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vector sums[kRows][kVectors];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = p.accumulate ? hn::LoadU(d, p.c + (m + r) * p.c_row + n + v * lanes) : hn::Zero(d);
    }
  }
  for (int64_t k = 0; k < p.K; ++k) {
    const float* b = p.b + k * p.b_row + n;
    const float* a = p.a + m * p.a_row + k * p.a_step;
    Vector row[kVectors];
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      row[v] = kShort ? load_first(d, b, static_cast<size_t>(p.N - n)) : hn::LoadU(d, b + v * lanes);
    }
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector factor = hn::Set(d, a[r * p.a_row]);
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, row[v], sums[r][v]);
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, p.c + (m + r) * p.c_row + n + v * lanes);
  }
}

template <int kRows>
HWY_INLINE void small_product_rows(const SmallProduct& p, int64_t m) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
  int64_t n = 0;
  for (; n + 2 * lanes <= p.N; n += 2 * lanes) small_product_tile<kRows, 2, false>(p, m, n);
  for (; n + lanes <= p.N; n += lanes) small_product_tile<kRows, 1, false>(p, m, n);
  if (n < p.N) small_product_tile<kRows, 1, true>(p, m, n);
}

inline void small_product(const SmallProduct& p) {
  constexpr int kRows = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3 ? 4 : 8;  // 16 registers, or 32
  int64_t m = 0;
  for (; m + kRows <= p.M; m += kRows) small_product_rows<kRows>(p, m);
  if (m + 4 <= p.M) small_product_rows<4>(p, m), m += 4;
  if (m + 2 <= p.M) small_product_rows<2>(p, m), m += 2;
  if (m < p.M) small_product_rows<1>(p, m);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SMALL_PRODUCT_INL_H_
