// Vectors of float32 to and from bfloat16 in memory.

#if defined(T6_KERNELS_SIMD_BFLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_SIMD_BFLOATS_INL_H_
#undef T6_KERNELS_SIMD_BFLOATS_INL_H_
#else
#define T6_KERNELS_SIMD_BFLOATS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

using WordTag = hn::RebindToUnsigned<Floats>;
using Words = hn::Vec<WordTag>;
using HalfTag = hn::Rebind<uint16_t, Floats>;

// The numbers rounded to bfloat16, to nearest even, in the high halves of words whose low halves are 0. NaN stays NaN.
HWY_INLINE Words rounded_words(Vector v) {
  const WordTag words;
  const Words bits = hn::BitCast(words, v);
  const Words odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1));
  const Words rounded = hn::Add(bits, hn::Add(odd, hn::Set(words, 0x7fff)));
  const Words quiet = hn::Or(bits, hn::Set(words, 0x00400000));
  const auto is_nan = hn::RebindMask(words, hn::IsNaN(v));
  return hn::And(hn::IfThenElse(is_nan, quiet, rounded), hn::Set(words, 0xffff0000u));
}

// The first `left` of a vector's 16-bit numbers as words, zeros after them; reads nothing beyond.
HWY_INLINE Words load_words_up_to(const uint16_t* from, int64_t left) {
  const HalfTag halves;
  if (left >= kLanes) return hn::PromoteTo(WordTag(), hn::LoadU(halves, from));
#if T6_MASKED_TOUCHES_ALL
  HWY_ALIGN uint16_t padded[hn::MaxLanes(HalfTag())] = {};
  std::copy_n(from, std::max<int64_t>(0, left), padded);
  return hn::PromoteTo(WordTag(), hn::Load(halves, padded));
#else
  return hn::PromoteTo(WordTag(), hn::MaskedLoad(hn::FirstN(halves, static_cast<size_t>(left)), halves, from));
#endif
}

HWY_INLINE Vector load_bfloats_up_to(const uint16_t* from, int64_t left) {
  return hn::BitCast(Floats(), hn::ShiftLeft<16>(load_words_up_to(from, left)));
}

// Writes the first `left` numbers, a whole vector or fewer, rounded.
HWY_INLINE void store_bfloats_up_to(Vector v, uint16_t* to, int64_t left) {
  const HalfTag halves;
  const hn::RebindToSigned<Floats> integers;
  const auto numbers = hn::DemoteTo(halves, hn::BitCast(integers, hn::ShiftRight<16>(rounded_words(v))));
  if (left >= kLanes) return hn::StoreU(numbers, halves, to);
#if T6_MASKED_TOUCHES_ALL
  HWY_ALIGN uint16_t padded[hn::MaxLanes(HalfTag())];
  hn::Store(numbers, halves, padded);
  std::copy_n(padded, std::max<int64_t>(0, left), to);
#else
  hn::BlendedStore(numbers, hn::FirstN(halves, static_cast<size_t>(left)), halves, to);
#endif
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SIMD_BFLOATS_INL_H_
