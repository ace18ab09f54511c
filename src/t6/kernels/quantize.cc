#include "t6/kernels/quantize.h"

#include <algorithm>
#include <cstring>

#include "t6/numbers/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/quantize.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

HWY_INLINE void quantize_block(const float* x, ActivationBlock& out) {
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  const hn::Rebind<int8_t, Floats> bytes;
  Vector largest = hn::Zero(d), strange = hn::Zero(d);
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector v = hn::LoadU(d, x + i);
    largest = hn::Max(largest, hn::Abs(v));
    strange = hn::MulAdd(v, hn::Zero(d), strange);  // stays zero but for infinity and NaN
  }
  const float most = hn::GetLane(hn::MaxOfLanes(d, largest));
  const Vector factor = hn::Set(d, most > 0 ? 127 / most : 0);
  auto sums = hn::Zero(integers);
  for (int64_t i = 0; i < kWeightBlock; i += kLanes) {
    const Vector scaled = hn::Mul(hn::LoadU(d, x + i), factor);
    const auto rounded = hn::NearestInt(hn::IfThenElseZero(hn::Eq(scaled, scaled), scaled));  // NaN is in the scale
    sums = hn::Add(sums, rounded);
    hn::StoreU(hn::DemoteTo(bytes, rounded), bytes, out.values + i);
  }
  const int32_t sum = hn::GetLane(hn::SumOfLanes(integers, sums));
  out.scale = most / 127 + hn::GetLane(hn::SumOfLanes(d, strange));
  out.sum = static_cast<float>(sum);
  out.offset = -128 * sum;
}

void quantize_rows(const float* x, int64_t rows, int64_t columns, int64_t stride, ActivationBlock* out) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < columns; k += kWeightBlock) quantize_block(x + row * stride + k, *out++);
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

namespace {

template <typename Stored>
Stored stored_at(const void* from, int64_t index) {
  Stored stored;
  std::memcpy(&stored, static_cast<const std::byte*>(from) + index * int64_t{sizeof(stored)}, sizeof(stored));
  return stored;
}

}  // namespace

void dequantize(WeightType type, int64_t count, const void* from, float* to) {
  switch (type) {
    case WeightType::f32:
      for (int64_t i = 0; i < count; ++i) to[i] = stored_at<float>(from, i);
      return;
    case WeightType::bf16:
      for (int64_t i = 0; i < count; ++i) to[i] = float_from_bfloat16(stored_at<uint16_t>(from, i));
      return;
    case WeightType::f16:
      for (int64_t i = 0; i < count; ++i) to[i] = float_from_float16(stored_at<uint16_t>(from, i));
      return;
    case WeightType::q8:
      for (int64_t b = 0; b < count / kWeightBlock; ++b) {
        const auto block = stored_at<BlockQ8>(from, b);
        const float scale = float_from_float16(block.scale);
        for (const int8_t value : block.values) *to++ = scale * static_cast<float>(value);
      }
      return;
    case WeightType::q4:
      for (int64_t b = 0; b < count / kWeightBlock; ++b) {
        const auto block = stored_at<BlockQ4>(from, b);
        const float scale = float_from_float16(block.scale), minimum = float_from_float16(block.minimum);
        for (const uint8_t byte : block.values) *to++ = scale * static_cast<float>(byte & 15) + minimum;
        for (const uint8_t byte : block.values) *to++ = scale * static_cast<float>(byte >> 4) + minimum;
      }
      return;
  }
}

}  // namespace t6
#endif  // HWY_ONCE
