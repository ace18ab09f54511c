// A power of two for numbers that are rounded to bfloat16 after it.

#if defined(T6_KERNELS_SIMD_POWER_OF_TWO_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SIMD_POWER_OF_TWO_INL_H_
#undef T6_KERNELS_SIMD_POWER_OF_TWO_INL_H_
#else
#define T6_KERNELS_SIMD_POWER_OF_TWO_INL_H_
#endif

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr float kLog2E = 1.44269504088896341f;

#if HWY_TARGET == HWY_AVX3_DL

// 2^y to 3e-6 of itself, where bfloat16 keeps 4e-3: 2^floor(y) times a polynomial of what is left. 0 for -infinity.
HWY_INLINE Vector power_of_two(Vector y) {
  const Floats d;
  constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  const Vector r{_mm512_reduce_ps(y.raw, kDown)};
  Vector p = hn::MulAdd(hn::Set(d, 1.35341706e-2f), r, hn::Set(d, 5.20114633e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 2.41442749e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 6.93003838e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.00000259f));
  return Vector{_mm512_scalef_ps(p.raw, y.raw)};
}

#endif

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SIMD_POWER_OF_TWO_INL_H_
