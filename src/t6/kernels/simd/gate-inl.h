// Gates of vectors: what feed-forward layers and gated heads multiply with.

#if defined(T6_KERNELS_SIMD_GATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SIMD_GATE_INL_H_
#undef T6_KERNELS_SIMD_GATE_INL_H_
#else
#define T6_KERNELS_SIMD_GATE_INL_H_
#endif

#include "t6/kernels/pointwise.h"
#include "t6/kernels/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// 1 / (1 + e^-x); 0 where that is below the least normal number.
HWY_INLINE Vector logistic(Vector x) {
  const Floats d;
  const Vector one = hn::Set(d, 1.0f), least = hn::Set(d, -87.0f);
  const Vector power = exp_below_88(d, hn::Neg(hn::Max(x, least)));
  return hn::IfThenZeroElse(hn::Lt(x, least), hn::Div(one, hn::Add(one, power)));
}

// The two ways to it.
struct Logistic {
  HWY_INLINE Vector operator()(Vector x) const { return logistic(x); }
};
// For numbers that are rounded to bfloat16 after it, to 1e-4 of itself, where bfloat16 keeps 4e-3.
struct RoundedLogistic {
  HWY_INLINE Vector operator()(Vector x) const {
#if HWY_TARGET == HWY_AVX3_DL
    const Floats d;
    const Vector power = power_of_two(hn::Mul(x, hn::Set(d, -kLog2E)));
    return hn::ApproximateReciprocal(hn::Add(hn::Set(d, 1.0f), power));
#else
    return logistic(x);
#endif
  }
};

// Calls body(f), f the function of a vector, by way of one of these.
template <typename Way = Logistic, typename Body>
HWY_INLINE void with_gate(Gate function, const Body& body) {
  switch (function) {
    case Gate::silu:
      return body([](Vector x) HWY_ATTR { return hn::Mul(x, Way()(x)); });
    case Gate::gelu_tanh:
      return body([](Vector x) HWY_ATTR {
        const Floats d;
        // (1 + tanh(y)) / 2 is the logistic function of 2 y, and this 2 sqrt(2/pi).
        const Vector twice = hn::Set(d, 1.5957691216057308f), cubic = hn::Set(d, 0.044715f);
        const Vector y = hn::MulAdd(hn::Mul(hn::Mul(x, x), x), cubic, x);
        return hn::Mul(x, Way()(hn::Mul(twice, y)));
      });
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SIMD_GATE_INL_H_
