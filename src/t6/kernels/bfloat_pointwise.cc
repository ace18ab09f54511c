#include "t6/kernels/bfloat_pointwise.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/bfloat_pointwise.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Calls body(i, left) for each vector of `count` numbers, of which the last may have fewer than its lanes left.
template <typename Body>
HWY_INLINE void for_each_vector(int64_t count, Body&& body) {
  for (int64_t i = 0; i < count; i += kLanes) body(i, std::min(kLanes, count - i));
}

void bfloat_norm_rows(const BfloatRmsNorm& p, int64_t begin, int64_t end) {
  const Floats d;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * p.width;
    const auto load = [&](int64_t i, int64_t left) HWY_ATTR {
      return p.x ? load_up_to(d, p.x + at + i, left) : load_bfloats_up_to(p.bfloats + at + i, left);
    };
    Vector squares = hn::Zero(d);
    for_each_vector(p.width, [&](int64_t i, int64_t left) HWY_ATTR {
      const Vector x = load(i, left);
      squares = hn::MulAdd(x, x, squares);
    });
    const float mean = hn::GetLane(hn::SumOfLanes(d, squares)) / static_cast<float>(p.width);
    p.factors[row] = 1.0f / std::sqrt(mean + p.epsilon);
    const Vector factor = hn::Set(d, p.factors[row]);
    for_each_vector(p.width, [&](int64_t i, int64_t left) HWY_ATTR {
      const Vector normed = hn::Mul(load(i, left), factor);
      store_bfloats_up_to(normed, p.normed + at + i, left);
      if (p.weight) store_bfloats_up_to(hn::Mul(normed, load_up_to(d, p.weight + i, left)), p.out + at + i, left);
    });
  }
}

void bfloat_norm_backward_rows(const BfloatRmsNormBackward& p, int64_t begin, int64_t end) {
  const Floats d;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * p.width;
    const auto gradient = [&](int64_t i, int64_t left) HWY_ATTR {
      const Vector given = load_bfloats_up_to(p.d_out + at + i, left);
      return p.weight ? hn::Mul(given, load_up_to(d, p.weight + i, left)) : given;
    };
    Vector sum = hn::Zero(d);
    for_each_vector(p.width, [&](int64_t i, int64_t left) HWY_ATTR {
      sum = hn::MulAdd(gradient(i, left), load_bfloats_up_to(p.normed + at + i, left), sum);
    });
    const Vector mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(p.width));
    const Vector factor = hn::Set(d, p.factors[row]);
    for_each_vector(p.width, [&](int64_t i, int64_t left) HWY_ATTR {
      const Vector across = hn::NegMulAdd(load_bfloats_up_to(p.normed + at + i, left), mean, gradient(i, left));
      const Vector d_x = hn::Mul(across, factor);
      if (p.d_x) {
        store_up_to(d_x, d, p.d_x + at + i, left);
      } else {
        store_bfloats_up_to(d_x, p.d_bfloats + at + i, left);
      }
    });
  }
}

HWY_INLINE Vector logistic_of(Vector x) {
  const Floats d;
  const Vector one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp_below_88(d, hn::Min(hn::Neg(x), hn::Set(d, 87.0f)))));
}

// act(g) and its derivative.
struct Activated {
  Vector value, slope;
};

// x s(y) with the logistic function s, of which SiLU (y = x) and GELU with a tanh are two.
HWY_INLINE Activated activate(Vector g, bool gelu) {
  const Floats d;
  const Vector one = hn::Set(d, 1.0f);
  Vector y = g, y_slope = one;
  if (gelu) {
    // (1 + tanh(z)) / 2 is the logistic function of 2 z, and this 2 sqrt(2/pi).
    const Vector twice = hn::Set(d, 1.5957691216057308f), cubic = hn::Set(d, 0.044715f);
    const Vector square = hn::Mul(hn::Mul(g, g), cubic);
    y = hn::Mul(twice, hn::MulAdd(square, g, g));
    y_slope = hn::Mul(twice, hn::MulAdd(hn::Set(d, 3.0f), square, one));
  }
  const Vector s = logistic_of(y);
  const Vector slope = hn::Mul(s, hn::MulAdd(hn::Mul(g, y_slope), hn::Sub(one, s), one));
  return {hn::Mul(g, s), slope};
}

void bfloat_gate_part(const BfloatGate& p, uint16_t* out, int64_t begin, int64_t end) {
  for_each_vector(end - begin, [&](int64_t i, int64_t left) HWY_ATTR {
    const int64_t at = begin + i;
    const Vector value = activate(load_bfloats_up_to(p.gate + at, left), p.gelu).value;
    store_bfloats_up_to(hn::Mul(value, load_bfloats_up_to(p.up + at, left)), out + at, left);
  });
}

void bfloat_gate_backward_part(const BfloatGate& p, const uint16_t* d_out, uint16_t* d_gate, uint16_t* d_up,
                               int64_t begin, int64_t end) {
  for_each_vector(end - begin, [&](int64_t i, int64_t left) HWY_ATTR {
    const int64_t at = begin + i;
    const Activated act = activate(load_bfloats_up_to(p.gate + at, left), p.gelu);
    const Vector given = load_bfloats_up_to(d_out + at, left);
    store_bfloats_up_to(hn::Mul(given, act.value), d_up + at, left);
    const Vector up = load_bfloats_up_to(p.up + at, left);
    store_bfloats_up_to(hn::Mul(hn::Mul(given, up), act.slope), d_gate + at, left);
  });
}

void bfloat_rotate_row(const BfloatRotation& p, const uint16_t* x, uint16_t* out, int64_t position) {
  const Floats d;
  const float* cosines = p.cos + position * p.half;
  const float* sines = p.sin + position * p.half;
  for_each_vector(p.half, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vector cosine = load_up_to(d, cosines + i, left), plus = load_up_to(d, sines + i, left);
    const Vector sine = p.inverse ? hn::Neg(plus) : plus;
    const Vector first = load_bfloats_up_to(x + i, left), second = load_bfloats_up_to(x + p.half + i, left);
    store_bfloats_up_to(hn::NegMulAdd(second, sine, hn::Mul(first, cosine)), out + i, left);
    store_bfloats_up_to(hn::MulAdd(first, sine, hn::Mul(second, cosine)), out + p.half + i, left);
  });
  if (x != out) std::copy(x + 2 * p.half, x + p.width, out + 2 * p.half);
}

void bfloat_rotate_tokens(const BfloatRotation& p, int64_t begin, int64_t end) {
  for (int64_t token = begin; token < end; ++token) {
    for (int64_t rank = 0; rank < p.ranks; ++rank) {
      const int64_t at = (token * p.ranks + rank) * p.width;
      bfloat_rotate_row(p, p.x + at, p.out + at, token % p.length);
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(bfloat_norm_rows);
HWY_EXPORT(bfloat_norm_backward_rows);
HWY_EXPORT(bfloat_gate_part);
HWY_EXPORT(bfloat_gate_backward_part);
HWY_EXPORT(bfloat_rotate_tokens);

namespace {

// Numbers that are worth a thread's start.
constexpr int64_t kGrain = 1 << 15;

int64_t rows_worth_a_thread(int64_t width) { return kGrain / std::max<int64_t>(1, width) + 1; }

}  // namespace

void bfloat_rms_norm(Context& context, const BfloatRmsNorm& norm) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(bfloat_norm_rows);
  context.parallel_for(norm.rows, rows_worth_a_thread(norm.width),
                       [&](int64_t begin, int64_t end) { kernel(norm, begin, end); });
}

void bfloat_rms_norm_backward(Context& context, const BfloatRmsNormBackward& norm) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(bfloat_norm_backward_rows);
  context.parallel_for(norm.rows, rows_worth_a_thread(norm.width),
                       [&](int64_t begin, int64_t end) { kernel(norm, begin, end); });
}

void bfloat_gate(Context& context, const BfloatGate& x, uint16_t* out) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(bfloat_gate_part);
  context.parallel_for(x.count, kGrain, [&](int64_t begin, int64_t end) { kernel(x, out, begin, end); });
}

void bfloat_gate_backward(Context& context, const BfloatGate& x, const uint16_t* d_out, uint16_t* d_gate,
                          uint16_t* d_up) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(bfloat_gate_backward_part);
  context.parallel_for(x.count, kGrain,
                       [&](int64_t begin, int64_t end) { kernel(x, d_out, d_gate, d_up, begin, end); });
}

void bfloat_rotate(Context& context, const BfloatRotation& rotation) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(bfloat_rotate_tokens);
  context.parallel_for(rotation.tokens, rows_worth_a_thread(rotation.ranks * rotation.width),
                       [&](int64_t begin, int64_t end) { kernel(rotation, begin, end); });
}

}  // namespace t6
#endif  // HWY_ONCE
