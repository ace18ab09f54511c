#include "t6/kernels/page_writer.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/page_writer.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/transpose-inl.h"
#include "t6/numbers/stored_number.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Highway rounds to float16 as the processor does; where that has no instruction for it, towards zero.
constexpr bool kRoundsToHalves = HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2;

constexpr bool writes_vectors(NumberType type) {
  return type == NumberType::f32 || type == NumberType::bf16 || (type == NumberType::f16 && kRoundsToHalves);
}

// Numbers [i, i + left) of a row, a whole vector or fewer.
template <NumberType kType>
HWY_INLINE void store_numbers(Vector numbers, std::byte* row, int64_t i, int64_t left) {
  if constexpr (kType == NumberType::f32) {
    store_up_to(numbers, Floats(), reinterpret_cast<float*>(row) + i, left);
  } else if constexpr (kType == NumberType::bf16) {
    store_bfloats_up_to(numbers, reinterpret_cast<uint16_t*>(row) + i, left);
  } else {
    static_assert(kType == NumberType::f16);
    const hn::Rebind<hwy::float16_t, Floats> halves;
    const auto rounded = hn::BitCast(HalfTag(), hn::DemoteTo(halves, numbers));
    store_halves_up_to(rounded, reinterpret_cast<uint16_t*>(row) + i, left);
  }
}

template <NumberType kType>
void write_vectors(const PagedStream& stream, std::byte* page, int64_t slot, int64_t count, const float* factors) {
  constexpr int64_t kBlock = 32;  // numbers of a token that are turned at once
  HWY_ALIGN float turned[kBlock * kPageTokens];
  const int64_t width = stream.width, stride = stream.vectors * width, row_bytes = stream.row_bytes();
  for (int64_t r = 0; r < stream.vectors; ++r, factors += width) {
    std::byte* const rows = page + stream.offset + r * stream.vector_bytes();
    for (int64_t t = 0; stream.token_rows && t < count; ++t) {
      for (int64_t i = 0; i < width; i += kLanes) {
        store_numbers<kType>(load_up_to(Floats(), factors + t * stride + i, width - i), rows + (slot + t) * row_bytes,
                             i, width - i);
      }
    }
    for (int64_t first = 0; !stream.token_rows && first < width; first += kBlock) {
      const int64_t block = std::min(kBlock, width - first);
      transpose_rows(factors + first, stride, count, block, turned, kPageTokens);
      for (int64_t i = 0; i < block; ++i) {
        for (int64_t t = 0; t < count; t += kLanes) {
          store_numbers<kType>(hn::Load(Floats(), turned + i * kPageTokens + t), rows + (first + i) * row_bytes,
                               slot + t, count - t);
        }
      }
    }
  }
}

void write_page(const PagedStream& stream, std::byte* page, int64_t slot, int64_t count, const float* factors) {
  constexpr int64_t kFew = 4;  // tokens that are not worth turning
  with_cache_type(stream.type, [&](auto type) HWY_ATTR {
    if constexpr (writes_vectors(type())) {
      if (count >= kFew) return write_vectors<type()>(stream, page, slot, count, factors);
    }
    for (int64_t t = 0; t < count; ++t)
      write_token(stream, page, slot + t, factors + t * stream.vectors * stream.width);
  });
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(write_page);

void write_tokens(const PagedStream& stream, std::byte* page, int64_t slot, int64_t count, const float* factors) {
  HWY_DYNAMIC_DISPATCH(write_page)(stream, page, slot, count, factors);
}

}  // namespace t6
#endif  // HWY_ONCE
