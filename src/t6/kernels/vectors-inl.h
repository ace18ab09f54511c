// What the vector kernels share. Included once for each target by files that include foreach_target.h.

#if defined(T6_KERNELS_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_VECTORS_INL_H_
#undef T6_KERNELS_VECTORS_INL_H_
#else
#define T6_KERNELS_VECTORS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

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
constexpr int64_t kLineBytes = 64;  // of the cache, as prefetching counts

// The first `count` < Lanes numbers, zeros after them; reads nothing beyond.
HWY_INLINE Vector load_first(Floats d, const float* from, size_t count) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float padded[hn::MaxLanes(Floats())] = {};
  for (size_t i = 0; i < count; ++i) padded[i] = from[i];
  return hn::Load(d, padded);
#else
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#endif
}

// Writes the first `count` < Lanes numbers and nothing beyond.
HWY_INLINE void store_first(Vector v, Floats d, float* to, size_t count) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float padded[hn::MaxLanes(Floats())];
  hn::Store(v, d, padded);
  for (size_t i = 0; i < count; ++i) to[i] = padded[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#endif
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_VECTORS_INL_H_
