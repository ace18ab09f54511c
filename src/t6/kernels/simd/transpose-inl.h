// Rows of tokens to tokens in lanes.

#if defined(T6_KERNELS_SIMD_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SIMD_TRANSPOSE_INL_H_
#undef T6_KERNELS_SIMD_TRANSPOSE_INL_H_
#else
#define T6_KERNELS_SIMD_TRANSPOSE_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
// Block q of the result: the four numbers at rows[4 q] + i.
HWY_INLINE Vector load_quads(Floats d, const float* const* rows, int64_t i) {
  const hn::Full128<float> quad;
  const auto load = [&](int row) HWY_ATTR { return hn::LoadU(quad, rows[row] + i); };
#if HWY_CAP_GE512
  const hn::Half<Floats> half;
  return hn::Combine(d, hn::Combine(half, load(12), load(8)), hn::Combine(half, load(4), load(0)));
#elif HWY_CAP_GE256
  return hn::Combine(d, load(4), load(0));
#else
  (void)d;
  return load(0);
#endif
}

// Four numbers at i of as many rows as a vector has lanes, to four vectors `out_row` apart.
HWY_INLINE void transpose_quads(const float* const* rows, int64_t i, float* out, int64_t out_row) {
  const Floats d;
  const hn::RepartitionToWide<Floats> pairs;
  const Vector v0 = load_quads(d, rows, i), v1 = load_quads(d, rows + 1, i);
  const Vector v2 = load_quads(d, rows + 2, i), v3 = load_quads(d, rows + 3, i);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v0, v1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v2, v3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v0, v1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v2, v3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, out);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, out + out_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, out + 2 * out_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, out + 3 * out_row);
}
#endif

// `count` rows of `width` numbers, `stride` apart, to out [width, out_row], rows in lanes. Reads no row past the last;
// lanes from `count` up to the next whole vector get copies of the last row.
inline void transpose_rows(const float* rows, int64_t stride, int64_t count, int64_t width, float* out,
                           int64_t out_row) {
  for (int64_t t = 0; t < count; t += kLanes) {
    const float* row[kLanes];
    for (int64_t j = 0; j < kLanes; ++j) row[j] = rows + std::min(t + j, count - 1) * stride;
    int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; i + 4 <= width; i += 4) transpose_quads(row, i, out + i * out_row + t, out_row);
#endif
    for (; i < width; ++i) {
      for (int64_t j = 0; j < kLanes; ++j) out[i * out_row + t + j] = row[j][i];
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SIMD_TRANSPOSE_INL_H_
