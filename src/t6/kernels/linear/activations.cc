#include "t6/kernels/linear/activations.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/linear/activations.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// The block's scale, and in the place of its sum what its numbers are to be multiplied by.
HWY_INLINE void find_scale(const float* x, ActivationBlock& out) {
  const Floats d;
  Vector largest = hn::Zero(d), strange = hn::Zero(d);
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector v = hn::LoadU(d, x + i);
    largest = hn::Max(largest, hn::Abs(v));
    strange = hn::MulAdd(v, hn::Zero(d), strange);  // stays zero but for infinity and NaN
  }
  const bool finite = hn::AllTrue(d, hn::Eq(strange, hn::Zero(d)));
  const float most = hn::GetLane(hn::MaxOfLanes(d, largest));
  out.scale = finite ? most / 127 : std::numeric_limits<float>::quiet_NaN();
  out.sum = most > 0 ? 127 / most : 0;
}

HWY_INLINE void round_block(const float* x, ActivationBlock& out) {
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  const hn::Rebind<int8_t, Floats> bytes;
  const Vector factor = hn::Set(d, out.sum);
  auto sums = hn::Zero(integers);  // the first half's in the low 16 bits, which hold 16 * 127, the last half's above
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector scaled = hn::Mul(hn::LoadU(d, x + i), factor);
    const auto rounded = hn::NearestInt(hn::IfThenElseZero(hn::Eq(scaled, scaled), scaled));  // NaN is in the scale
    sums = hn::Add(sums, i < kWeightBlock / 2 ? rounded : hn::ShiftLeft<16>(rounded));
    hn::StoreU(hn::DemoteTo(bytes, rounded), bytes, out.values + i);
  }
  const int32_t both = hn::GetLane(hn::SumOfLanes(integers, sums));
  const int32_t first = static_cast<int16_t>(both), last = (both - first) >> 16;
  out.half_sums[0] = static_cast<float>(first);
  out.half_sums[1] = static_cast<float>(last);
  out.sum = static_cast<float>(first + last);
  out.offset = -128 * (first + last);
}

// In two passes over a row, so that a processor works on many blocks at a time: each by itself is a long chain of
// instructions that wait for one another.
void quantize_rows(const float* x, int64_t rows, int64_t columns, int64_t stride, ActivationBlock* out) {
  const int64_t blocks = columns / kWeightBlock;
  for (int64_t row = 0; row < rows; ++row, x += stride, out += blocks) {
    for (int64_t i = 0; i < blocks; ++i) find_scale(x + i * kWeightBlock, out[i]);
    for (int64_t i = 0; i < blocks; ++i) round_block(x + i * kWeightBlock, out[i]);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(quantize_rows);

void quantize_activations(Context& context, const float* x, int64_t rows, int64_t columns, int64_t stride,
                          ActivationBlock* out) {
  constexpr int64_t kGrain = 1 << 14;  // numbers that are worth a hand-over to another thread
  const auto kernel = HWY_DYNAMIC_DISPATCH(quantize_rows);
  context.parallel_for(rows, 1 + kGrain / std::max<int64_t>(1, columns), [&](int64_t begin, int64_t end) {
    kernel(x + begin * stride, end - begin, columns, stride, out + begin * (columns / kWeightBlock));
  });
}

}  // namespace t6
#endif  // HWY_ONCE
