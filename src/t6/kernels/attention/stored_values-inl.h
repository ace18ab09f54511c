// Numbers as a cache keeps them, read as floats.

#if defined(T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
#undef T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
#else
#define T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/cache_control.h"
#include "t6/kernels/simd/vectors-inl.h"
#include "t6/numbers/cache_page.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A vector of numbers from number i on, without their scales.
template <CacheType kType>
HWY_INLINE Vector load_kept(const std::byte* from, int64_t i) {
  if constexpr (kType == CacheType::f32) {
    return hn::LoadU(Floats(), reinterpret_cast<const float*>(from) + i);
  } else if constexpr (kType == CacheType::bf16) {
    return load_bfloats(reinterpret_cast<const uint16_t*>(from) + i);
  } else if constexpr (kType == CacheType::f16) {
    return load_halves(reinterpret_cast<const uint16_t*>(from) + i);
  } else {
    const hn::Rebind<int8_t, Floats> bytes;
    const hn::RebindToSigned<Floats> integers;
    return hn::ConvertTo(Floats(),
                         hn::PromoteTo(integers, hn::LoadU(bytes, reinterpret_cast<const int8_t*>(from) + i)));
  }
}

// Calls run(type) with the type as a constant.
template <typename Run>
HWY_INLINE void with_cache_type(CacheType type, Run&& run) {
  switch (type) {
    case CacheType::f32:
      return run(std::integral_constant<CacheType, CacheType::f32>());
    case CacheType::bf16:
      return run(std::integral_constant<CacheType, CacheType::bf16>());
    case CacheType::f16:
      return run(std::integral_constant<CacheType, CacheType::f16>());
    case CacheType::i8:
      return run(std::integral_constant<CacheType, CacheType::i8>());
  }
}

// Rows of 64 numbers as floats, times their scales.
inline void write_floats(const KeptNumbers& numbers, int64_t rows, float* out) {
  const std::byte* at = numbers.at;
  const float* scales = numbers.scales;
  with_cache_type(numbers.type, [=](auto type) HWY_ATTR {
    const Floats d;
    for (int64_t i = 0; i < rows * kPageTokens; i += kPageTokens) {
      T6_UNROLL
      for (int64_t v = 0; v < kPageTokens; v += kLanes) {
        const Vector loaded = load_kept<type()>(at, i + v);
        hn::StoreU(scales ? hn::Mul(loaded, hn::LoadU(d, scales + v)) : loaded, d, out + i + v);
      }
    }
  });
}

// Asks for `bytes` bytes to be fetched into the cache.
HWY_INLINE void fetch(const std::byte* at, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += kLineBytes) hwy::Prefetch(at + i);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
