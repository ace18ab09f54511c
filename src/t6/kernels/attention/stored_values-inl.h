// Numbers as a cache stores them, read as floats: for each of kCacheTypes a loader.

#if defined(T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
#undef T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
#else
#define T6_KERNELS_ATTENTION_STORED_VALUES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "t6/kernels/attention/stored_values.h"
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/vectors-inl.h"
#include "t6/numbers/cache_page.h"
#include "t6/numbers/stored_number.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A vector of numbers of a row from number i on, a multiple of kLanes, without their scales.
template <NumberType kType>
HWY_INLINE Vector load_stored(const std::byte* row, int64_t i) {
  if constexpr (kType == NumberType::f32) {
    return hn::LoadU(Floats(), reinterpret_cast<const float*>(row) + i);
  } else if constexpr (kType == NumberType::bf16) {
    return load_bfloats(reinterpret_cast<const uint16_t*>(row) + i);
  } else if constexpr (kType == NumberType::f16) {
    return load_halves(reinterpret_cast<const uint16_t*>(row) + i);
  } else if constexpr (kType == NumberType::i8) {
    const hn::Rebind<int8_t, Floats> bytes;
    const hn::RebindToSigned<Floats> integers;
    return hn::ConvertTo(Floats(), hn::PromoteTo(integers, hn::LoadU(bytes, reinterpret_cast<const int8_t*>(row) + i)));
  } else {
    static_assert(kType == NumberType::i4 && 16 % kLanes == 0,
                  "the lanes' numbers lie in the same half of their bytes");
    const hn::Rebind<uint8_t, Floats> bytes;
    const hn::RebindToSigned<Floats> integers;
    const NibblePlace place(i);
    const auto pairs = hn::PromoteTo(integers, hn::LoadU(bytes, reinterpret_cast<const uint8_t*>(row) + place.byte));
    // Up to the top of the lane and down again with their signs.
    return hn::ConvertTo(Floats(), hn::ShiftRight<28>(hn::ShiftLeftSame(pairs, 28 - place.shift)));
  }
}

// Rows of 64 numbers as floats, times their scales.
inline void write_floats(const StoredValues& values, int64_t rows, float* out) {
  const std::byte* at = values.at;
  const float* scales = values.scales;
  with_cache_type(values.type, [=](auto type) HWY_ATTR {
    const Floats d;
    for (int64_t i = 0; i < rows * kPageTokens; i += kPageTokens) {
      T6_UNROLL
      for (int64_t v = 0; v < kPageTokens; v += kLanes) {
        const Vector loaded = load_stored<type()>(at, i + v);
        hn::StoreU(scales ? hn::Mul(loaded, hn::LoadU(d, scales + v)) : loaded, d, out + i + v);
      }
    }
  });
}

// 64 rows of `width` numbers as floats, one row right behind the other.
inline void write_float_rows(const StoredValues& values, int64_t width, float* out) {
  // Where rows end with a block, there is nothing between them.
  if (width % number_type_info(values.type).block_numbers == 0) return write_floats(values, width, out);
  with_cache_type(values.type, [&](auto type) HWY_ATTR {
    const std::byte* row = values.at;
    for (int64_t t = 0; t < kPageTokens; ++t, row += stored_bytes(type(), width), out += width) {
      for (int64_t i = 0; i < width; i += kLanes) {
        store_up_to(load_stored<type()>(row, i), Floats(), out + i, width - i);
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
