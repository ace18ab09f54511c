#include "t6/kernels/pointwise.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "t6/kernels/linear/matrix_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/pointwise.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "hwy/contrib/math/math-inl.h"
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/gate-inl.h"
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Calls body(i, load, store) for each vector of `count` numbers; load and store know about a short last one.
template <typename Body>
HWY_INLINE void for_vectors(int64_t count, Body&& body) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    body([&](const float* from) HWY_ATTR { return hn::LoadU(d, from + i); },
         [&](Vector v, float* to) HWY_ATTR { hn::StoreU(v, d, to + i); });
  }
  if (i == count) return;
  const auto rest = static_cast<size_t>(count - i);
  body([&](const float* from) HWY_ATTR { return load_first(d, from + i, rest); },
       [&](Vector v, float* to) HWY_ATTR { store_first(v, d, to + i, rest); });
}

void sigmoid_part(float* x, int64_t count) {
  for_vectors(count, [=](auto load, auto store) HWY_ATTR { store(logistic(load(x)), x); });
}

void sigmoid_gate_part(const float* gate, float* x, int64_t count) {
  for_vectors(count, [=](auto load, auto store) HWY_ATTR { store(hn::Mul(load(x), logistic(load(gate))), x); });
}

void apply_gate_part(Gate function, float* gate, const float* up, int64_t count) {
  with_gate(function, [=](auto of) HWY_ATTR {
    for_vectors(count, [=](auto load, auto store) HWY_ATTR { store(hn::Mul(of(load(gate)), load(up)), gate); });
  });
}

void rms_norm_rows(const RmsNorm& p, int64_t begin, int64_t end) {
  const Floats d;
  for (int64_t row = begin; row < end; ++row) {
    const float* x = p.x + row * p.x_stride;
    float* out = p.out + row * p.out_stride;
    Vector squares = hn::Zero(d), others = hn::Zero(d);  // by turns, so that sums wait for each other half as often
    for_vectors(p.width, [&](auto load, auto) HWY_ATTR {
      std::swap(squares, others);
      squares = hn::MulAdd(load(x), load(x), squares);
    });
    const float mean = hn::GetLane(hn::SumOfLanes(d, hn::Add(squares, others))) / static_cast<float>(p.width);
    const Vector factor = hn::Set(d, 1.0f / std::sqrt(mean + p.epsilon));
    if (p.tiles) {
      const auto scaled = [&](int64_t i) HWY_ATTR {
        const Vector number = hn::Mul(hn::LoadU(d, x + i), factor);
        return p.weight ? hn::Mul(number, hn::LoadU(d, p.weight + i)) : number;
      };
      for (int64_t i = 0; i < p.width; i += 2 * kLanes) {
        store_bfloats(scaled(i), scaled(i + kLanes), p.tiles + place_in_tiles(row, i, p.width));
      }
      continue;
    }
    for_vectors(p.width, [&](auto load, auto store) HWY_ATTR {
      const Vector scaled = hn::Mul(load(x), factor);
      const Vector weighted = p.weight ? hn::Mul(scaled, load(p.weight)) : scaled;
      store(p.accumulate ? hn::Add(load(out), weighted) : weighted, out);
    });
  }
}

double log_sum_exp_row(const float* x, int64_t count) {
  const Floats d;
  const float largest = *std::max_element(x, x + count);
  // Lanes past the end of x hold zeros there and must count as nothing.
  Vector sum = hn::Zero(d);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Vector shift = hn::Set(d, largest);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) sum = hn::Add(sum, hn::Exp(d, hn::Sub(hn::LoadU(d, x + i), shift)));
  double total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < count; ++i) total += std::exp(double{x[i]} - largest);
  return largest + std::log(total);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(sigmoid_part);
HWY_EXPORT(sigmoid_gate_part);
HWY_EXPORT(apply_gate_part);
HWY_EXPORT(rms_norm_rows);
HWY_EXPORT(log_sum_exp_row);

namespace {
// Numbers that are worth a thread's start.
constexpr int64_t kGrain = 1 << 15;
}  // namespace

void sigmoid(float* x, int64_t count) { HWY_DYNAMIC_DISPATCH(sigmoid_part)(x, count); }

void sigmoid_gate(Context& context, const float* gate, float* x, int64_t count) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(sigmoid_gate_part);
  context.parallel_for(count, kGrain,
                       [&](int64_t begin, int64_t end) { kernel(gate + begin, x + begin, end - begin); });
}

void apply_gate(Context& context, Gate function, float* gate, const float* up, int64_t count) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(apply_gate_part);
  context.parallel_for(count, kGrain,
                       [&](int64_t begin, int64_t end) { kernel(function, gate + begin, up + begin, end - begin); });
}

namespace {

RmsNorm with_strides(RmsNorm norm) {
  if (norm.x_stride == 0) norm.x_stride = norm.width;
  if (norm.out_stride == 0) norm.out_stride = norm.width;
  return norm;
}

}  // namespace

void rms_norm(const RmsNorm& norm) { HWY_DYNAMIC_DISPATCH(rms_norm_rows)(with_strides(norm), 0, norm.rows); }

void rms_norm(Context& context, const RmsNorm& norm) {
  const RmsNorm p = with_strides(norm);
  const auto kernel = HWY_DYNAMIC_DISPATCH(rms_norm_rows);
  context.parallel_for(p.rows, kGrain / std::max<int64_t>(1, p.width) + 1,
                       [&](int64_t begin, int64_t end) { kernel(p, begin, end); });
}

void softmax(float* x, int64_t outer, int64_t count, int64_t stride) {
  for (int64_t block = 0; block < outer; ++block, x += count * stride) {
    for (int64_t inner = 0; inner < stride; ++inner) {
      float* row = x + inner;
      float largest = row[0], sum = 0;
      for (int64_t i = 1; i < count; ++i) largest = std::max(largest, row[i * stride]);
      for (int64_t i = 0; i < count; ++i) sum += row[i * stride] = std::exp(row[i * stride] - largest);
      for (int64_t i = 0; i < count; ++i) row[i * stride] /= sum;
    }
  }
}

double log_sum_exp(const float* x, int64_t count) { return HWY_DYNAMIC_DISPATCH(log_sum_exp_row)(x, count); }

}  // namespace t6
#endif  // HWY_ONCE
