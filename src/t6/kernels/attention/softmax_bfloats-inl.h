// The online softmax for products of bfloat16: a row's logits with several blocks of keys become rounded weights.

#if defined(T6_KERNELS_ATTENTION_SOFTMAX_BFLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_SOFTMAX_BFLOATS_INL_H_
#undef T6_KERNELS_ATTENTION_SOFTMAX_BFLOATS_INL_H_
#else
#define T6_KERNELS_ATTENTION_SOFTMAX_BFLOATS_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "t6/kernels/attention/softmax_rows-inl.h"
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL

// A row's logits of keys [begin, end), whole blocks, become weights as by online_softmax_update(): `row`, `weights` and
// `seen` count keys from one before `begin` on.
HWY_INLINE void online_softmax_bfloats(float* row, int64_t begin, int64_t end, const KeyRange& seen, uint16_t* weights,
                                       float& maximum, float* lane_sums, float* output, int64_t output_stride) {
  const Floats d;
  if (!seen.whole(end)) mask_row(row, seen, end);
  Vector largest = hn::Set(d, kNever);
  for (int64_t k = begin; k < end; k += kPageTokens) {
    T6_UNROLL
    for (int v = 0; v < kRowVectors; ++v) largest = hn::Max(largest, hn::Load(d, row + k + v * kLanes));
  }
  if (!hn::AllFalse(d, hn::Gt(largest, hn::Set(d, maximum + kSlack)))) {
    const float now = hn::GetLane(hn::MaxOfLanes(d, largest));
    if (maximum != kNever) {
      const float factor = std::exp(maximum - now);
      scale_numbers(lane_sums, kLanes, factor);
      scale_numbers(output, output_stride, factor);
    }
    maximum = now;
  }
  const Vector slope = hn::Set(d, kLog2E), shift = hn::Set(d, maximum == kNever ? 0 : maximum * kLog2E);
  Vector sums[2] = {hn::Load(d, lane_sums), hn::Zero(d)};
  for (int64_t k = begin; k < end; k += kPageTokens) {
    T6_UNROLL
    for (int v = 0; v < kRowVectors; v += 2) {
      const float* at = row + k + v * kLanes;
      const Vector low = power_of_two(hn::MulSub(hn::Load(d, at), slope, shift));
      const Vector high = power_of_two(hn::MulSub(hn::Load(d, at + kLanes), slope, shift));
      sums[0] = hn::Add(sums[0], low);
      sums[1] = hn::Add(sums[1], high);
      store_bfloats(low, high, weights + k + v * kLanes);
    }
  }
  hn::Store(hn::Add(sums[0], sums[1]), d, lane_sums);
}

#endif

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_SOFTMAX_BFLOATS_INL_H_
