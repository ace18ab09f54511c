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

// Writes the first `left` of a vector's 16-bit numbers, all or fewer, and nothing beyond.
HWY_INLINE void store_halves_up_to(hn::Vec<HalfTag> numbers, uint16_t* to, int64_t left) {
  const HalfTag halves;
  if (left >= kLanes) return hn::StoreU(numbers, halves, to);
#if T6_MASKED_TOUCHES_ALL
  HWY_ALIGN uint16_t padded[hn::MaxLanes(HalfTag())];
  hn::Store(numbers, halves, padded);
  std::copy_n(padded, std::max<int64_t>(0, left), to);
#else
  hn::BlendedStore(numbers, hn::FirstN(halves, static_cast<size_t>(left)), halves, to);
#endif
}

// Writes the first `left` numbers, a whole vector or fewer, rounded.
HWY_INLINE void store_bfloats_up_to(Vector v, uint16_t* to, int64_t left) {
  const hn::RebindToSigned<Floats> integers;
  const auto words = hn::BitCast(integers, hn::ShiftRight<16>(rounded_words(v)));
  store_halves_up_to(hn::DemoteTo(HalfTag(), words), to, left);
}

// Both rounded to bfloat16, words of low[i] in the low half and high[i] in the high one; or the numbers of `low` and
// then of `high`, one behind the other. Precondition: has_bfloat_tile() (linear/bfloat_tile.h), whose instruction they
// take.
#if HWY_TARGET == HWY_AVX3_DL
HWY_INLINE __m512i rounded_halves(Vector low, Vector high) {
  __m512i both;
  asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(both) : "v"(low.raw), "v"(high.raw));
  return both;
}
HWY_INLINE void store_pairs(Vector low, Vector high, uint32_t* to) {
  alignas(64) static constexpr uint16_t kOrder[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  _mm512_storeu_si512(to, _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), rounded_halves(low, high)));
}
HWY_INLINE void store_bfloats(Vector low, Vector high, uint16_t* to) {
  _mm512_storeu_si512(to, rounded_halves(low, high));
}
#else
HWY_INLINE void store_pairs(Vector low, Vector high, uint32_t* to) {
  hn::StoreU(hn::Or(rounded_words(high), hn::ShiftRight<16>(rounded_words(low))), WordTag(), to);
}
HWY_INLINE void store_bfloats(Vector low, Vector high, uint16_t* to) {
  store_bfloats_up_to(low, to, kLanes);
  store_bfloats_up_to(high, to + kLanes, kLanes);
}
#endif

// Of kCount numbers each: to[i] has low[i] in the low half and high[i] in the high one.
template <int kCount>
HWY_INLINE void zip_halves(const uint16_t* low, const uint16_t* high, uint32_t* to) {
#if HWY_TARGET == HWY_AVX3_DL
  if constexpr (kCount % 32 == 0) {
    alignas(64) static constexpr uint16_t kFirst[32] = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                                        8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
    const __m512i first = _mm512_load_si512(kFirst), second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    T6_UNROLL
    for (int i = 0; i < kCount; i += 32) {
      const __m512i lows = _mm512_loadu_si512(low + i), highs = _mm512_loadu_si512(high + i);
      _mm512_storeu_si512(to + i, _mm512_permutex2var_epi16(lows, first, highs));
      _mm512_storeu_si512(to + i + 16, _mm512_permutex2var_epi16(lows, second, highs));
    }
    return;
  }
#endif
  const WordTag words;
  const HalfTag halves;
  for (int64_t i = 0; i < kCount; i += kLanes) {
    const Words lows = hn::PromoteTo(words, hn::LoadU(halves, low + i));
    const Words highs = hn::PromoteTo(words, hn::LoadU(halves, high + i));
    hn::StoreU(hn::Or(lows, hn::ShiftLeft<16>(highs)), words, to + i);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_SIMD_BFLOATS_INL_H_
