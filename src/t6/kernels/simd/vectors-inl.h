// What the vector kernels share. Included once for each target by files that include foreach_target.h.

#if defined(T6_KERNELS_SIMD_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SIMD_VECTORS_INL_H_
#undef T6_KERNELS_SIMD_VECTORS_INL_H_
#else
#define T6_KERNELS_SIMD_VECTORS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "t6/numbers/half.h"

// Before a loop over registers: unrolled whole, or the compiler keeps an array of vectors in memory.
#undef T6_UNROLL
#if defined(__clang__)
#define T6_UNROLL _Pragma("unroll")
#else
#define T6_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;
constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(Floats()));
constexpr int64_t kLineBytes = 64;  // of the cache, as prefetching counts

// Whether a masked load or store may touch what its mask leaves out. Highway's scalar one loads first and masks then.
#undef T6_MASKED_TOUCHES_ALL
#define T6_MASKED_TOUCHES_ALL (HWY_MEM_OPS_MIGHT_FAULT || HWY_TARGET == HWY_SCALAR)

// The first `count` < Lanes numbers, zeros after them; reads nothing beyond.
HWY_INLINE Vector load_first(Floats d, const float* from, size_t count) {
#if T6_MASKED_TOUCHES_ALL
  HWY_ALIGN float padded[hn::MaxLanes(Floats())] = {};
  for (size_t i = 0; i < count; ++i) padded[i] = from[i];
  return hn::Load(d, padded);
#else
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#endif
}

// Writes the first `count` < Lanes numbers and nothing beyond.
HWY_INLINE void store_first(Vector v, Floats d, float* to, size_t count) {
#if T6_MASKED_TOUCHES_ALL
  HWY_ALIGN float padded[hn::MaxLanes(Floats())];
  hn::Store(v, d, padded);
  for (size_t i = 0; i < count; ++i) to[i] = padded[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#endif
}

// The same where `left` numbers are left, a whole vector or fewer.
HWY_INLINE Vector load_up_to(Floats d, const float* from, int64_t left) {
  return left >= kLanes ? hn::LoadU(d, from) : load_first(d, from, static_cast<size_t>(left));
}
HWY_INLINE void store_up_to(Vector v, Floats d, float* to, int64_t left) {
  if (left >= kLanes) return hn::StoreU(v, d, to);
  store_first(v, d, to, static_cast<size_t>(left));
}

// A vector of bfloat16 or float16 numbers.
HWY_INLINE Vector load_bfloats(const uint16_t* from) {
  const hn::Rebind<uint16_t, Floats> halves;
  const hn::RebindToUnsigned<Floats> words;
  return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::PromoteTo(words, hn::LoadU(halves, from))));
}
HWY_INLINE Vector load_halves(const uint16_t* from) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(Floats(), float_from_float16(*from));
#else
  const hn::Rebind<uint16_t, Floats> bits;
  const hn::Rebind<hwy::float16_t, Floats> halves;
  return hn::PromoteTo(Floats(), hn::BitCast(halves, hn::LoadU(bits, from)));
#endif
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SIMD_VECTORS_INL_H_
