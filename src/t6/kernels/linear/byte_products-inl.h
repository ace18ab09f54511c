// Exact sums of unsigned bytes times signed bytes: the inner loop of products with quantized weights.

#if defined(T6_KERNELS_LINEAR_BYTE_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_BYTE_PRODUCTS_INL_H_
#undef T6_KERNELS_LINEAR_BYTE_PRODUCTS_INL_H_
#else
#define T6_KERNELS_LINEAR_BYTE_PRODUCTS_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

using Integers = hn::RebindToSigned<Floats>;
using IntegerVector = hn::Vec<Integers>;
using Lanes32 = hn::RebindToUnsigned<Floats>;
using Bytes = hn::Vec<Lanes32>;  // four unsigned bytes in each 32-bit lane, one lane an output

HWY_INLINE Bytes load_bytes(const std::byte* from) {
  return hn::LoadU(Lanes32(), reinterpret_cast<const uint32_t*>(from));
}

// The low and the high half of each byte.
HWY_INLINE void split_nibbles(Bytes bytes, Bytes& low, Bytes& high) {
  const Bytes mask = hn::Set(Lanes32(), 0x0F0F0F0Fu);
  low = hn::And(bytes, mask);
  high = hn::And(hn::ShiftRight<4>(bytes), mask);
}

// Four signed bytes in each lane, the same in all.
HWY_INLINE IntegerVector broadcast_bytes(const int8_t* x) {
  int32_t bytes = 0;
  std::memcpy(&bytes, x, sizeof(bytes));
  return hn::Set(Integers(), bytes);
}

// add_products(): for each lane, sums += the sum of four weights, unsigned bytes, times four x. lane_sums(): the sums
// as 32-bit integers. kLargestWeight says how large weights may be when 32 columns are summed, kMostWeights how large
// the sum of every second column's weights may be before lane_sums().
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR

constexpr int kLargestWeight = 255;
constexpr int kMostWeights = 1 << 20;
using ByteSums = Integers;

HWY_INLINE void add_products(IntegerVector& sums, Bytes weights, const int8_t* x) {
#if HWY_TARGET == HWY_SCALAR
  int32_t sum = hn::GetLane(sums);
  for (int i = 0; i < 4; ++i) sum += static_cast<int32_t>(hn::GetLane(weights) >> (8 * i) & 255) * x[i];
  sums = hn::Set(Integers(), sum);
#else
  // Highway 1.0.3 compiles this target without VNNI, which every machine that runs it has, so there are no intrinsics.
  asm("vpdpbusd %2%{1to16%}, %1, %0"
      : "+v"(sums.raw)
      : "v"(weights.raw), "m"(*reinterpret_cast<const int8_t(*)[4]>(x)));
#endif
}

HWY_INLINE IntegerVector lane_sums(IntegerVector sums) { return sums; }

#else

// 16-bit sums of every second column: 16 * 15 * 127 < 2^15.
constexpr int kLargestWeight = 15;
constexpr int kMostWeights = 258;  // times 127
using ByteSums = hn::Repartition<int16_t, Floats>;
using ByteSumVector = hn::Vec<ByteSums>;

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4

// Highway 1.0.3 has no names for these two instructions.
#if HWY_TARGET == HWY_AVX3
#define T6_X86(name) _mm512_##name
#elif HWY_TARGET == HWY_AVX2
#define T6_X86(name) _mm256_##name
#else
#define T6_X86(name) _mm_##name
#endif

HWY_INLINE void add_products(ByteSumVector& sums, Bytes weights, const int8_t* x) {
  sums = hn::Add(sums, ByteSumVector{T6_X86(maddubs_epi16)(weights.raw, broadcast_bytes(x).raw)});
  // Or GCC adds products of all columns in another order, for which there are too few registers.
  asm("" : "+v"(sums.raw));
}

HWY_INLINE IntegerVector lane_sums(ByteSumVector sums) {
  return IntegerVector{T6_X86(madd_epi16)(sums.raw, hn::Set(ByteSums(), 1).raw)};
}

#undef T6_X86
#else

// Any other machine; SSSE3 would have the instructions, and takes this so that it is tested.
HWY_INLINE void add_products(ByteSumVector& sums, Bytes weights, const int8_t* x) {
  const ByteSums d;
  const auto w = hn::BitCast(d, weights), factors = hn::BitCast(d, broadcast_bytes(x));
  const auto even = hn::Mul(hn::And(w, hn::Set(d, 255)), hn::ShiftRight<8>(hn::ShiftLeft<8>(factors)));
  const auto odd = hn::Mul(hn::ShiftRight<8>(w), hn::ShiftRight<8>(factors));
  sums = hn::Add(sums, hn::Add(even, odd));
}

HWY_INLINE IntegerVector lane_sums(ByteSumVector sums) {
  const auto pairs = hn::BitCast(Integers(), sums);
  return hn::Add(hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs)), hn::ShiftRight<16>(pairs));
}

#endif
#endif

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_BYTE_PRODUCTS_INL_H_
