// The exponential function of a softmax.

#if defined(T6_KERNELS_SIMD_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SIMD_EXP_INL_H_
#undef T6_KERNELS_SIMD_EXP_INL_H_
#else
#define T6_KERNELS_SIMD_EXP_INL_H_
#endif

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr float kLog2E = 1.44269504088896341f;

// e^x for x < 88, to two units in the last place; 0 below the least normal number, and NaN stays NaN (which hn::Exp
// turns into 0). e^x = 2^n e^r with |r| <= ln 2 / 2; the polynomial is Cephes's.
HWY_INLINE Vector exp_below_88(Floats d, Vector x) {
  const hn::Rebind<int32_t, Floats> integers;
  // Adding 1.5 * 2^23 rounds to a whole number, which the low bits then hold; 127 more is 2^n's exponent.
  const Vector rounder = hn::Set(d, 12582912.0f + 127.0f);
  const Vector shifted = hn::MulAdd(x, hn::Set(d, kLog2E), rounder);
  const Vector power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(integers, shifted)));
  const Vector n = hn::Sub(shifted, rounder);
  Vector r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);  // ln 2 in two parts, the first exact in a product
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  Vector p = hn::MulAdd(hn::Set(d, 1.9875691500e-4f), r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::MulAdd(hn::Mul(r, r), p, hn::Add(r, hn::Set(d, 1.0f)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.3f)), hn::Mul(p, power));
}

#if HWY_TARGET == HWY_AVX3_DL

// For numbers that are rounded to bfloat16 after it, 2^y to 3e-6 of itself, where bfloat16 keeps 4e-3: 2^floor(y) times
// a polynomial of what is left. 0 for -infinity.
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

#endif  // T6_KERNELS_SIMD_EXP_INL_H_
