#include "t6/kernels/quantize.h"

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/numbers/blocks.h"
#include "t6/numbers/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/quantize.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// x to the nearest of minimum + scale * [0, 15], as integers; `out` is aligned.
HWY_INLINE void round_to_nibbles(const float* x, float minimum, float inverse_scale, float* out) {
  const Floats d;
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector steps = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, minimum)), hn::Set(d, inverse_scale));
    hn::Store(hn::Min(hn::Max(hn::Round(steps), hn::Zero(d)), hn::Set(d, 15.0f)), d, out + i);
  }
}

struct Line {
  float scale = 0, minimum = 0;
};

// The line through (nibbles, x) with the least squared error, its numbers rounded as they are stored. Scale 0: none.
HWY_INLINE Line fit(const float* x, const float* nibbles) {
  const Floats d;
  Vector q_sum = hn::Zero(d), qq_sum = hn::Zero(d), x_sum = hn::Zero(d), xq_sum = hn::Zero(d);
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector v = hn::LoadU(d, x + i), q = hn::Load(d, nibbles + i);
    q_sum = hn::Add(q_sum, q);
    qq_sum = hn::MulAdd(q, q, qq_sum);
    x_sum = hn::Add(x_sum, v);
    xq_sum = hn::MulAdd(v, q, xq_sum);
  }
  const auto total = [d](Vector v) HWY_ATTR { return hn::GetLane(hn::SumOfLanes(d, v)); };
  const float n = kWeightBlock, Q = total(q_sum), QQ = total(qq_sum), X = total(x_sum), XQ = total(xq_sum);
  const float spread = n * QQ - Q * Q;
  if (!(spread > 0)) return {};
  const float scale = (n * XQ - Q * X) / spread;
  return {float_from_float16(float16_from_float(scale)), float_from_float16(float16_from_float((X - scale * Q) / n))};
}

HWY_INLINE float squared_error(const float* x, const float* nibbles, Line line) {
  const Floats d;
  Vector sum = hn::Zero(d);
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector value = hn::MulAdd(hn::Load(d, nibbles + i), hn::Set(d, line.scale), hn::Set(d, line.minimum));
    const Vector error = hn::Sub(hn::LoadU(d, x + i), value);
    sum = hn::MulAdd(error, error, sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void quantize_q4(const float* x, int64_t blocks, BlockQ4_1* out) {
  // Steps between the smallest and the largest number that are tried: fewer than 15 leave the ends of the scale unused
  // at first, more cut off what lies outside, and the fit moves both ends then.
  constexpr float kFirstSteps = 13, kLastSteps = 17, kStep = 0.25;
  HWY_ALIGN float nibbles[kWeightBlock], best[kWeightBlock];
  for (; blocks > 0; --blocks, x += kWeightBlock, ++out) {
    const auto [low, high] = std::minmax_element(x, x + kWeightBlock);
    Line line = {0, float_from_float16(float16_from_float(*low))};
    std::fill_n(best, kWeightBlock, 0.0f);
    float least = squared_error(x, best, line);
    for (float steps = kFirstSteps; least > 0 && steps <= kLastSteps; steps += kStep) {
      round_to_nibbles(x, *low, steps / (*high - *low), nibbles);
      const Line tried = fit(x, nibbles);
      if (!(tried.scale > 0)) continue;
      round_to_nibbles(x, tried.minimum, 1 / tried.scale, nibbles);
      const float error = squared_error(x, nibbles, tried);
      if (!(error < least)) continue;
      least = error;
      line = tried;
      std::copy_n(nibbles, kWeightBlock, best);
    }
    out->scale = float16_from_float(line.scale);
    // What is not finite must show: no line fits it.
    out->minimum = float16_from_float(std::isfinite(least) ? line.minimum : least);
    for (int64_t i = 0; i < kWeightBlock / 2; ++i) {
      out->values[i] =
          static_cast<uint8_t>(static_cast<int>(best[i]) | static_cast<int>(best[i + kWeightBlock / 2]) << 4);
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(quantize_q4);

namespace {

void quantize_q8(const float* x, int64_t blocks, BlockQ8_0* out) {
  for (; blocks > 0; --blocks, x += kWeightBlock, ++out) {
    float largest = 0, strange = 0;
    for (int64_t i = 0; i < kWeightBlock; ++i) {
      largest = std::max(largest, std::abs(x[i]));
      strange += x[i] * 0;  // NaN when a number is not finite
    }
    out->scale = float16_from_float(largest / 127 + strange);
    // With the scale as it is stored; one that is too small for float16 leaves zeros.
    const float scale = float_from_float16(out->scale);
    for (int64_t i = 0; i < kWeightBlock; ++i) {
      const float steps = scale > 0 && std::isfinite(scale) ? std::nearbyint(x[i] / scale) : 0;
      out->values[i] = static_cast<int8_t>(std::clamp(steps, -127.0f, 127.0f));
    }
  }
}

}  // namespace

void quantize(Context& context, NumberType type, int64_t count, const float* from, void* to) {
  require_weight_type(type);
  constexpr int64_t kGrainBlocks = 64;  // some tens of microseconds at least
  const int64_t blocks = (count + kWeightBlock - 1) / kWeightBlock;
  context.parallel_for(blocks, kGrainBlocks, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kWeightBlock, last = std::min(count, end * kWeightBlock);
    switch (type) {
      case NumberType::f32:
        std::copy(from + first, from + last, static_cast<float*>(to) + first);
        return;
      case NumberType::bf16:
        std::transform(from + first, from + last, static_cast<uint16_t*>(to) + first, bfloat16_from_float);
        return;
      case NumberType::f16:
        std::transform(from + first, from + last, static_cast<uint16_t*>(to) + first, float16_from_float);
        return;
      case NumberType::q8_0:
        return quantize_q8(from + first, end - begin, static_cast<BlockQ8_0*>(to) + begin);
      default:  // Q4_1
        return HWY_DYNAMIC_DISPATCH(quantize_q4)(from + first, end - begin, static_cast<BlockQ4_1*>(to) + begin);
    }
  });
}

}  // namespace t6
#endif  // HWY_ONCE
