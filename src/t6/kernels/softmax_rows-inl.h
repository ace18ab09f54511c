// The online softmax over blocks of keys: rows are pairs of head and query, the block's keys are the lanes.

#if defined(T6_KERNELS_SOFTMAX_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SOFTMAX_ROWS_INL_H_
#undef T6_KERNELS_SOFTMAX_ROWS_INL_H_
#else
#define T6_KERNELS_SOFTMAX_ROWS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "t6/kernels/attention_buffers.h"
#include "t6/kernels/cache_page.h"
#include "t6/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// e^x for x <= 0, to two units in the last place; 0 below the least normal number, and NaN stays NaN (which hn::Exp
// turns into 0). e^x = 2^n e^r with |r| <= ln 2 / 2; the polynomial is Cephes's.
HWY_INLINE Vector exp_nonpositive(Floats d, Vector x) {
  const hn::Rebind<int32_t, Floats> integers;
  const Vector n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  Vector r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);  // ln 2 in two parts, the first exact in a product
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  Vector p = hn::Set(d, 1.9875691500e-4f);
  for (const float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f}) {
    p = hn::MulAdd(p, r, hn::Set(d, c));
  }
  p = hn::MulAdd(hn::Mul(r, r), p, hn::Add(r, hn::Set(d, 1.0f)));
  const auto exponent = hn::Add(hn::ConvertTo(integers, n), hn::Set(integers, 127));
  const Vector power = hn::BitCast(d, hn::ShiftLeft<23>(exponent));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.3f)), hn::Mul(p, power));
}

// Keys of a block that a query sees: those below `sinks`, and [begin, end).
struct KeyRange {
  int64_t sinks = 0, begin = 0, end = 0;
  bool empty() const { return sinks <= 0 && begin >= end; }
  bool whole() const { return (begin <= 0 || sinks >= begin) && end >= kPageTokens; }
};

inline void mask_row(float* row, const KeyRange& seen) {
  std::fill(row + std::clamp<int64_t>(seen.end, 0, kPageTokens), row + kPageTokens, kNever);
  const int64_t begin = std::min(seen.begin, std::max<int64_t>(seen.end, 0));
  for (int64_t k = std::max<int64_t>(seen.sinks, 0); k < std::min(begin, kPageTokens); ++k) row[k] = kNever;
}

inline void scale_numbers(float* numbers, int64_t count, float factor) {
  const Floats d;
  const Vector by = hn::Set(d, factor);
  for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d))) {
    hn::Store(hn::Mul(hn::Load(d, numbers + i), by), d, numbers + i);
  }
}

// Logits of a block, [64], become weights relative to the maximum so far; what was summed before, output included, is
// brought to the new maximum. A row none of whose keys is seen yet gets weights 0.
inline void soften_row(float* row, const KeyRange& seen, float& maximum, float* lane_sums, float* output,
                       int64_t output_stride) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  if (!seen.whole()) mask_row(row, seen);
  Vector largest = hn::Load(d, row);
  for (int64_t k = lanes; k < kPageTokens; k += lanes) largest = hn::Max(largest, hn::Load(d, row + k));
  const float now = std::max(maximum, hn::GetLane(hn::MaxOfLanes(d, largest)));
  if (now > maximum) {
    const float factor = std::exp(maximum - now);
    scale_numbers(lane_sums, lanes, factor);
    scale_numbers(output, output_stride, factor);
    maximum = now;
  }
  const Vector shift = hn::Set(d, now == kNever ? 0 : now);
  Vector sum = hn::Load(d, lane_sums);
  for (int64_t k = 0; k < kPageTokens; k += lanes) {
    const Vector weight = exp_nonpositive(d, hn::Sub(hn::Load(d, row + k), shift));
    hn::Store(weight, d, row + k);
    sum = hn::Add(sum, weight);
  }
  hn::Store(sum, d, lane_sums);
}

// One more part of the keys is added to what a column summed so far.
inline void merge_column(const SoftmaxState& from, const SoftmaxState& into, int64_t column, int64_t stride) {
  const Floats d;
  float &before = into.maximum[column], now = std::max(before, from.maximum[column]);
  if (from.sum[column] == 0) return;
  const float keep = std::exp(before - now), add = std::exp(from.maximum[column] - now);
  before = now;
  into.sum[column] = into.sum[column] * keep + from.sum[column] * add;
  const Vector old_factor = hn::Set(d, keep), new_factor = hn::Set(d, add);
  const float* source = from.output + column * stride;
  float* target = into.output + column * stride;
  for (int64_t i = 0; i < stride; i += static_cast<int64_t>(hn::Lanes(d))) {
    const Vector kept = hn::Mul(hn::LoadU(d, target + i), old_factor);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, source + i), new_factor, kept), d, target + i);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SOFTMAX_ROWS_INL_H_
