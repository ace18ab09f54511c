// The matrix product inside the attention kernels: short rows, one operand broadcast, sums kept in registers.

#if defined(T6_KERNELS_ATTENTION_SMALL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_SMALL_PRODUCT_INL_H_
#undef T6_KERNELS_ATTENTION_SMALL_PRODUCT_INL_H_
#else
#define T6_KERNELS_ATTENTION_SMALL_PRODUCT_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "t6/core/rounding.h"
#include "t6/kernels/attention/stored_values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Bytes that a later product will read.
struct NextBytes {
  const std::byte* at = nullptr;
  int64_t count = 0;

  void fetch_some(int64_t step) {
    if (count <= 0) return;
    fetch(at, step);
    at += step;
    count -= step;
  }
};

// c = scale * (a b), element by element, or c += that. Element (m, k) of a is a[m * a_row + k * a_step]. Rows of c end
// on whole vectors, and what lies there past N is overwritten; rows of b and of scale are read up to N only. Where b or
// scale is not float32, N is of whole vectors; scales of b are not used. Strides of b and of scale are the numbers of
// their rows.
struct SmallProduct {
  const float* a = nullptr;  // [M, K]
  int64_t a_row = 0, a_step = 0;
  StoredValues b = nullptr;  // [K, N]
  int64_t b_row = 0;
  StoredValues scale = nullptr;  // [M, N]; null: 1
  int64_t scale_row = 0;
  float* c = nullptr;  // [M, N]
  int64_t c_row = 0;
  int64_t M = 0, N = 0, K = 0;
  bool accumulate = false;
  // What later products will read, fetched into the cache meanwhile: next_b spread over the whole product, and with
  // each row of scale as much at next_scale. Null: nothing.
  NextBytes next_b = {};
  const std::byte* next_scale = nullptr;
};

// The tile of sums that fills the registers beside one row of b and one number of a: 6 x 4 of 32, 6 x 2 of the 16 that
// x86 has before AVX-512.
constexpr int kProductRows = 6;
constexpr int kProductVectors = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3 ? 2 : 4;

// Sums over k in order, one multiply-add each: an element's bits do not depend on the tile that it falls into.
template <int kRows, int kVectors, bool kShort, NumberType kType, bool kScaled>
HWY_INLINE void small_product_tile(const SmallProduct& p, NextBytes& next, int64_t step, int64_t m, int64_t n) {
  static_assert(!kShort || (kVectors == 1 && kType == NumberType::f32), "only a last vector of floats is short");
  const Floats d;
  const auto load_last = [&](const std::byte* row) HWY_ATTR {
    return load_first(d, reinterpret_cast<const float*>(row), static_cast<size_t>(p.N - n));
  };
  const bool from_c = p.accumulate && !(kScaled && p.scale);
  Vector sums[kRows][kVectors];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = from_c ? hn::LoadU(d, p.c + (m + r) * p.c_row + n + v * kLanes) : hn::Zero(d);
    }
  }
  const float* a = p.a + m * p.a_row;
  // Columns are counted from `first` on: from n, or, in the middle of a block, from the row's beginning.
  const int64_t first = has_blocks(kType) ? 0 : n;
  const std::byte* b = p.b.at + stored_bytes(kType, first);
  const int64_t b_bytes = stored_bytes(kType, p.b_row);
  for (int64_t k = 0; k < p.K; ++k, b += b_bytes, a += p.a_step) {
    if constexpr (kScaled) next.fetch_some(step);
    Vector row[kVectors];
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) row[v] = kShort ? load_last(b) : load_stored<kType>(b, n - first + v * kLanes);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector factor = hn::Set(d, a[r * p.a_row]);
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, row[v], sums[r][v]);
    }
  }
  if (kScaled && p.scale) {
    with_cache_type(p.scale.type, [&](auto type) HWY_ATTR {
      const int64_t row_bytes = stored_bytes(type(), p.scale_row);
      T6_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const float* c = p.c + (m + r) * p.c_row + n;
        const std::byte* scale = p.scale.at + (m + r) * row_bytes;
        if (p.next_scale && n == 0) fetch(p.next_scale + (m + r) * row_bytes, row_bytes);
        T6_UNROLL
        for (int v = 0; v < kVectors; ++v) {
          Vector factor =
              kShort ? load_last(scale + stored_bytes(NumberType::f32, n)) : load_stored<type()>(scale, n + v * kLanes);
          if (p.scale.scales) factor = hn::Mul(factor, hn::LoadU(d, p.scale.scales + n + v * kLanes));
          sums[r][v] = hn::Mul(sums[r][v], factor);
          if (p.accumulate) sums[r][v] = hn::Add(sums[r][v], hn::LoadU(d, c + v * kLanes));
        }
      }
    });
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, p.c + (m + r) * p.c_row + n + v * kLanes);
  }
}

template <int kRows, NumberType kType, bool kScaled>
HWY_NOINLINE void small_product_rows(const SmallProduct& product, NextBytes& next, int64_t step, int64_t m) {
  // Without a scale, a copy: whose address nobody has stays in registers, whatever is stored through pointers. With
  // one, there are not registers enough for that.
  const std::conditional_t<kScaled, const SmallProduct&, SmallProduct> p = product;
  int64_t n = 0;
  for (; n + kProductVectors * kLanes <= p.N; n += kProductVectors * kLanes) {
    small_product_tile<kRows, kProductVectors, false, kType, kScaled>(p, next, step, m, n);
  }
  for (; n + kLanes <= p.N; n += kLanes) small_product_tile<kRows, 1, false, kType, kScaled>(p, next, step, m, n);
  if constexpr (kType == NumberType::f32) {
    if (n < p.N) small_product_tile<kRows, 1, true, kType, kScaled>(p, next, step, m, n);
  }
}

template <NumberType kType, bool kScaled>
void small_product_of(const SmallProduct& p) {
  NextBytes next = p.next_b;
  const int64_t steps = divide_up(p.M, kProductRows) * divide_up(p.N, kProductVectors * kLanes) * p.K;
  const int64_t step = round_up(divide_up(next.count, std::max<int64_t>(steps, 1)), kLineBytes);
  for (int64_t m = 0; m < p.M;) {
    // Two tiles of four rows keep the pipelines fuller than one of six and one of two.
    const int64_t left = p.M - m, rows = left == 8 ? 4 : std::min<int64_t>(left, kProductRows);
    switch (rows) {
      case 6:
        small_product_rows<6, kType, kScaled>(p, next, step, m);
        break;
      case 5:
        small_product_rows<5, kType, kScaled>(p, next, step, m);
        break;
      case 4:
        small_product_rows<4, kType, kScaled>(p, next, step, m);
        break;
      case 3:
        small_product_rows<3, kType, kScaled>(p, next, step, m);
        break;
      case 2:
        small_product_rows<2, kType, kScaled>(p, next, step, m);
        break;
      default:
        small_product_rows<1, kType, kScaled>(p, next, step, m);
    }
    m += rows;
  }
}

// The same where b is float32, and there is neither a scale nor anything to fetch: a tenth of the code.
inline void float_product(const SmallProduct& p) { small_product_of<NumberType::f32, false>(p); }

// The same with one row of scales for all rows, of whole vectors; nothing is accumulated.
inline void scaled_float_product(const SmallProduct& p) {
  const Floats d;
  float_product(p);
  const auto* scales = reinterpret_cast<const float*>(p.scale.at);
  for (int64_t n = 0; n < p.N; n += kLanes) {
    const Vector scale = hn::LoadU(d, scales + n);
    for (float* c = p.c + n; c < p.c + p.M * p.c_row; c += p.c_row) hn::StoreU(hn::Mul(hn::LoadU(d, c), scale), d, c);
  }
}

inline void small_product(const SmallProduct& p) {
  if (p.b.type == NumberType::f32 && p.next_b.count == 0) {
    if (!p.scale) return float_product(p);
    const bool one_row = p.scale.type == NumberType::f32 && !p.scale.scales && p.scale_row == 0 && !p.next_scale;
    if (one_row && !p.accumulate && p.N % kLanes == 0) return scaled_float_product(p);
  }
  with_cache_type(p.b.type, [&](auto type) { small_product_of<type(), true>(p); });
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_SMALL_PRODUCT_INL_H_
