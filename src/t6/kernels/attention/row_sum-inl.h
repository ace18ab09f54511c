// A token's query, key or value of one head: the sum over ranks of a head factor times a row of features.

#if defined(T6_KERNELS_ATTENTION_ROW_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_ROW_SUM_INL_H_
#undef T6_KERNELS_ATTENTION_ROW_SUM_INL_H_
#else
#define T6_KERNELS_ATTENTION_ROW_SUM_INL_H_
#endif

#include <cstdint>

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// out[i] = sum_s factor(s) row(s)[i] for i < width, zeros up to the next whole vector. Sums over s in order, two ranks
// a pass, so that their factors stay in registers.
template <typename Factor, typename Row>
HWY_INLINE void write_row_sum(int64_t ranks, const Factor& factor, const Row& row, int64_t width, float* out) {
  const Floats d;
  for (int64_t s = 0; s < ranks; s += 2) {
    const bool pair = s + 1 < ranks;
    const Vector a = hn::Set(d, factor(s)), a_second = pair ? hn::Set(d, factor(s + 1)) : hn::Zero(d);
    const float *b = row(s), *b_second = pair ? row(s + 1) : b;
    const auto add = [&](int64_t i, Vector first, Vector second) HWY_ATTR {
      const Vector sum = hn::MulAdd(a, first, s > 0 ? hn::Load(d, out + i) : hn::Zero(d));
      hn::Store(hn::MulAdd(a_second, second, sum), d, out + i);
    };
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) add(i, hn::LoadU(d, b + i), hn::LoadU(d, b_second + i));
    if (i < width) add(i, load_up_to(d, b + i, width - i), load_up_to(d, b_second + i, width - i));
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_ROW_SUM_INL_H_
