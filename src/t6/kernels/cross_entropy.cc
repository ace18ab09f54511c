#include "t6/kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/cross_entropy.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Sums at once: enough for the pipelines, and short enough sums for float32.
constexpr int kChains = 4;

// Calls body(at, chain) for the vectors of a row, and returns where the whole ones end.
template <typename Body>
HWY_INLINE int64_t for_chains(int64_t count, Body&& body) {
  int64_t i = 0;
  for (; i + kChains * kLanes <= count; i += kChains * kLanes) {
    T6_UNROLL
    for (int c = 0; c < kChains; ++c) body(i + c * kLanes, c);
  }
  for (; i + kLanes <= count; i += kLanes) body(i, 0);
  return i;
}

float largest_of(const float* row, int64_t count) {
  const Floats d;
  Vector largest[kChains];
  T6_UNROLL
  for (int c = 0; c < kChains; ++c) largest[c] = hn::Set(d, row[0]);
  int64_t i =
      for_chains(count, [&](int64_t at, int c) HWY_ATTR { largest[c] = hn::Max(largest[c], hn::LoadU(d, row + at)); });
  const Vector all = hn::Max(hn::Max(largest[0], largest[1]), hn::Max(largest[2], largest[3]));
  float result = hn::GetLane(hn::MaxOfLanes(d, all));
  for (; i < count; ++i) result = std::max(result, row[i]);
  return result;
}

// The row becomes e^(row - largest); returns the sum.
double exponentials(float* row, int64_t count, float largest) {
  const Floats d;
  const Vector shift = hn::Set(d, largest);
  Vector sums[kChains];
  T6_UNROLL
  for (int c = 0; c < kChains; ++c) sums[c] = hn::Zero(d);
  const int64_t done = for_chains(count, [&](int64_t at, int c) HWY_ATTR {
    const Vector power = exp_below_88(d, hn::Sub(hn::LoadU(d, row + at), shift));
    hn::StoreU(power, d, row + at);
    sums[c] = hn::Add(sums[c], power);
  });
  double total = 0;
  T6_UNROLL
  for (int c = 0; c < kChains; ++c) total += hn::GetLane(hn::SumOfLanes(d, sums[c]));
  for (int64_t i = done; i < count; ++i) total += row[i] = std::exp(row[i] - largest);
  return total;
}

void multiply(float* row, int64_t count, float factor) {
  const Floats d;
  const Vector by = hn::Set(d, factor);
  const int64_t done = for_chains(
      count, [&](int64_t at, int) HWY_ATTR { hn::StoreU(hn::Mul(hn::LoadU(d, row + at), by), d, row + at); });
  for (int64_t i = done; i < count; ++i) row[i] *= factor;
}

// The same, rounded to bfloat16 into the row's first half: what is written was read before.
void multiply_to_bfloats(float* row, int64_t count, float factor) {
  const Floats d;
  const Vector by = hn::Set(d, factor);
  auto* to = reinterpret_cast<uint16_t*>(row);
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = std::min(kLanes, count - i);
    store_bfloats_up_to(hn::Mul(load_up_to(d, row + i, left), by), to + i, left);
  }
}

double cross_entropy_row(float* row, int64_t classes, int64_t target, float scale, bool bfloat_gradient) {
  if (target < 0) {
    std::fill_n(row, classes, 0.0f);
    return 0;
  }
  const float largest = largest_of(row, classes);
  const double logit = row[target], sum = exponentials(row, classes, largest);
  if (scale != 0 && bfloat_gradient) {
    row[target] -= static_cast<float>(sum);
    multiply_to_bfloats(row, classes, static_cast<float>(scale / sum));
  } else if (scale != 0) {
    multiply(row, classes, static_cast<float>(scale / sum));
    row[target] -= scale;
  }
  return largest + std::log(sum) - logit;
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(cross_entropy_row);

double cross_entropy(Context& context, const CrossEntropy& p) {
  // Numbers that are worth a thread's start.
  constexpr int64_t kGrain = 1 << 14;
  std::vector<double> losses(static_cast<size_t>(p.rows));
  const auto kernel = HWY_DYNAMIC_DISPATCH(cross_entropy_row);
  context.parallel_for(p.rows, kGrain / std::max<int64_t>(1, p.classes) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      losses[static_cast<size_t>(row)] =
          kernel(p.logits + row * p.classes, p.classes, p.targets[row], p.scale, p.bfloat_gradient);
    }
  });
  double total = 0;
  for (const double loss : losses) total += loss;
  return total;
}

}  // namespace t6
#endif  // HWY_ONCE
