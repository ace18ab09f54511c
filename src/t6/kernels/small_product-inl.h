// The matrix product inside the attention kernels: short rows, one operand broadcast, sums kept in registers.

#if defined(T6_KERNELS_SMALL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SMALL_PRODUCT_INL_H_
#undef T6_KERNELS_SMALL_PRODUCT_INL_H_
#else
#define T6_KERNELS_SMALL_PRODUCT_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "t6/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// c = scale * (a b), element by element, or c += that. Element (m, k) of a is a[m * a_row + k * a_step]. Rows of c end
// on whole vectors, and what lies there past N is overwritten; rows of b and of scale are read up to N only.
struct SmallProduct {
  const float* a = nullptr;  // [M, K]
  int64_t a_row = 0, a_step = 0;
  const float* b = nullptr;  // [K, N]
  int64_t b_row = 0;
  const float* scale = nullptr;  // [M, N]; null: 1
  int64_t scale_row = 0;
  float* c = nullptr;  // [M, N]
  int64_t c_row = 0;
  int64_t M = 0, N = 0, K = 0;
  bool accumulate = false;
  // What a later product will read, fetched into the cache meanwhile: at each k, the next `next_row` bytes at next_b,
  // and with each row of scale as much at next_scale. Null: nothing.
  const std::byte* next_b = nullptr;
  int64_t next_row = 0;
  const float* next_scale = nullptr;
};

// The tile of sums that fills the registers beside one row of b and one number of a: 6 x 4 of 32, 6 x 2 of the 16 that
// x86 has before AVX-512.
constexpr int kProductRows = 6;
constexpr int kProductVectors = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3 ? 2 : 4;

// Sums over k in order, one multiply-add each: an element's bits do not depend on the tile that it falls into.
template <int kRows, int kVectors, bool kShort>
HWY_INLINE void small_product_tile(const SmallProduct& p, int64_t m, int64_t n) {
  static_assert(!kShort || kVectors == 1, "only a last vector is short");
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](const float* from, int v) HWY_ATTR {
    return kShort ? load_first(d, from, static_cast<size_t>(p.N - n)) : hn::LoadU(d, from + v * lanes);
  };
  const bool from_c = p.accumulate && !p.scale;
  Vector sums[kRows][kVectors];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = from_c ? hn::LoadU(d, p.c + (m + r) * p.c_row + n + v * lanes) : hn::Zero(d);
    }
  }
  const float *b = p.b + n, *a = p.a + m * p.a_row;
  const std::byte* next = m == 0 && n == 0 ? p.next_b : nullptr;
  for (int64_t k = 0; k < p.K; ++k, b += p.b_row, a += p.a_step) {
    if (next) {
      for (int64_t i = 0; i < p.next_row; i += kLineBytes) hwy::Prefetch(next + i);
      next += p.next_row;
    }
    Vector row[kVectors];
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) row[v] = load(b, v);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector factor = hn::Set(d, a[r * p.a_row]);
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, row[v], sums[r][v]);
    }
  }
  if (p.scale) {
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const float *c = p.c + (m + r) * p.c_row + n, *scale = p.scale + (m + r) * p.scale_row + n;
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        if (p.next_scale) hwy::Prefetch(p.next_scale + (m + r) * p.scale_row + n + v * lanes);
        sums[r][v] = hn::Mul(sums[r][v], load(scale, v));
        if (p.accumulate) sums[r][v] = hn::Add(sums[r][v], hn::LoadU(d, c + v * lanes));
      }
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, p.c + (m + r) * p.c_row + n + v * lanes);
  }
}

template <int kRows>
HWY_NOINLINE void small_product_rows(const SmallProduct& p, int64_t m) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
  int64_t n = 0;
  for (; n + kProductVectors * lanes <= p.N; n += kProductVectors * lanes) {
    small_product_tile<kRows, kProductVectors, false>(p, m, n);
  }
  for (; n + lanes <= p.N; n += lanes) small_product_tile<kRows, 1, false>(p, m, n);
  if (n < p.N) small_product_tile<kRows, 1, true>(p, m, n);
}

inline void small_product(const SmallProduct& p) {
  for (int64_t m = 0; m < p.M;) {
    // Two tiles of four rows keep the pipelines fuller than one of six and one of two.
    const int64_t left = p.M - m, rows = left == 8 ? 4 : std::min<int64_t>(left, kProductRows);
    switch (rows) {
      case 6:
        small_product_rows<6>(p, m);
        break;
      case 5:
        small_product_rows<5>(p, m);
        break;
      case 4:
        small_product_rows<4>(p, m);
        break;
      case 3:
        small_product_rows<3>(p, m);
        break;
      case 2:
        small_product_rows<2>(p, m);
        break;
      default:
        small_product_rows<1>(p, m);
    }
    m += rows;
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SMALL_PRODUCT_INL_H_
