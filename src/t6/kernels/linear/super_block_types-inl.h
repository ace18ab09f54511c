// What the lanes' weights and scales are in GGUF's K types, read from 16 rows' words side by side.

#if defined(T6_KERNELS_LINEAR_SUPER_BLOCK_TYPES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_SUPER_BLOCK_TYPES_INL_H_
#undef T6_KERNELS_LINEAR_SUPER_BLOCK_TYPES_INL_H_
#else
#define T6_KERNELS_LINEAR_SUPER_BLOCK_TYPES_INL_H_
#endif

#include "t6/kernels/linear/byte_products-inl.h"
#include "t6/kernels/linear/super_blocks.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// `words` is the first word's lanes. A type says:
//   kType, kLargest        the largest weight
//   kZero                  what stands for zero
//   kMinima                whether a number is scale * weight - minimum, else scale * (weight - kZero)
//   kGroup                 neighbours that share a scale, 32 or 16
//   kPeriod                after how many blocks of 32 their bits lie in the words as before
//   weights<b>(words, part, i)  columns 4 i and on of block kPeriod * part + b
//   scales(words, all, all_minima, scales, minima)  of each group, minima as what is added

HWY_INLINE Bytes word(const std::byte* words, int64_t i) { return load_bytes(words + i * kWordLine); }

// Of each byte the kCount bits from kFrom on, moved to kTo.
template <int kFrom, int kCount, int kTo>
HWY_INLINE Bytes bits(Bytes bytes) {
  constexpr uint32_t kMask = (((1u << kCount) - 1) << kTo) * 0x01010101u;
  if constexpr (kFrom > kTo) bytes = hn::ShiftRight<kFrom - kTo>(bytes);
  if constexpr (kFrom < kTo) bytes = hn::ShiftLeft<kTo - kFrom>(bytes);
  return hn::And(bytes, hn::Set(Lanes32(), kMask));
}

// Bytes of each lane as numbers times `factor`: four unsigned or signed ones.
HWY_INLINE void unsigned_bytes(Bytes bytes, Vector factor, Vector* out) {
  const Floats d;
  const Bytes low = hn::Set(Lanes32(), 255);
  const auto number = [&](Bytes value)
                          HWY_ATTR { return hn::Mul(factor, hn::ConvertTo(d, hn::BitCast(Integers(), value))); };
  out[0] = number(hn::And(bytes, low));
  out[1] = number(hn::And(hn::ShiftRight<8>(bytes), low));
  out[2] = number(hn::And(hn::ShiftRight<16>(bytes), low));
  out[3] = number(hn::ShiftRight<24>(bytes));
}
HWY_INLINE void signed_bytes(Bytes bytes, Vector factor, Vector* out) {
  const Floats d;
  const auto number = [&](Bytes value) HWY_ATTR {
    return hn::Mul(factor, hn::ConvertTo(d, hn::ShiftRight<24>(hn::BitCast(Integers(), value))));
  };
  out[0] = number(hn::ShiftLeft<24>(bytes));
  out[1] = number(hn::ShiftLeft<16>(bytes));
  out[2] = number(hn::ShiftLeft<8>(bytes));
  out[3] = number(bytes);
}

// The 6-bit scales and minima of Q4_K and Q5_K in three words.
HWY_INLINE void packed_scales(const std::byte* words, Vector all, Vector all_minima, Vector* scales, Vector* minima) {
  const Bytes first = word(words, 0), second = word(words, 1), third = word(words, 2);
  unsigned_bytes(bits<0, 6, 0>(first), all, scales);
  unsigned_bytes(hn::Or(bits<0, 4, 0>(third), bits<6, 2, 4>(first)), all, scales + 4);
  unsigned_bytes(bits<0, 6, 0>(second), all_minima, minima);
  unsigned_bytes(hn::Or(bits<4, 4, 0>(third), bits<6, 2, 4>(second)), all_minima, minima + 4);
}

struct SuperBlockQ4K {
  static constexpr NumberType kType = NumberType::q4_k;
  static constexpr int kLargest = 15, kZero = 0, kGroup = 32, kPeriod = 2;
  static constexpr bool kMinima = true;

  template <int kBlock>
  static HWY_INLINE Bytes weights(const std::byte* words, int64_t part, int64_t i) {
    return bits<4 * kBlock, 4, 0>(word(words, 3 + 8 * part + i));
  }
  static HWY_INLINE void scales(const std::byte* words, Vector all, Vector all_minima, Vector* scales, Vector* minima) {
    packed_scales(words, all, all_minima, scales, minima);
  }
};

struct SuperBlockQ5K {
  static constexpr NumberType kType = NumberType::q5_k;
  static constexpr int kLargest = 31, kZero = 0, kGroup = 32, kPeriod = 8;
  static constexpr bool kMinima = true;

  template <int kBlock>
  static HWY_INLINE Bytes weights(const std::byte* words, int64_t /*part*/, int64_t i) {
    return hn::Or(bits<kBlock % 2 * 4, 4, 0>(word(words, 11 + kBlock / 2 * 8 + i)),
                  bits<kBlock, 1, 4>(word(words, 3 + i)));
  }
  static HWY_INLINE void scales(const std::byte* words, Vector all, Vector all_minima, Vector* scales, Vector* minima) {
    packed_scales(words, all, all_minima, scales, minima);
  }
};

struct SuperBlockQ6K {
  static constexpr NumberType kType = NumberType::q6_k;
  static constexpr int kLargest = 63, kZero = 32, kGroup = 16, kPeriod = 4;
  static constexpr bool kMinima = false;

  template <int kBlock>
  static HWY_INLINE Bytes weights(const std::byte* words, int64_t part, int64_t i) {
    return hn::Or(bits<kBlock / 2 * 4, 4, 0>(word(words, 16 * part + kBlock % 2 * 8 + i)),
                  bits<2 * kBlock, 2, 4>(word(words, 32 + 8 * part + i)));
  }
  static HWY_INLINE void scales(const std::byte* words, Vector all, Vector /*all_minima*/, Vector* scales,
                                Vector* /*minima*/) {
    for (int64_t i = 0; i < 4; ++i) signed_bytes(word(words, 48 + i), all, scales + 4 * i);
  }
};

struct SuperBlockQ2K {
  static constexpr NumberType kType = NumberType::q2_k;
  static constexpr int kLargest = 3, kZero = 0, kGroup = 16, kPeriod = 4;
  static constexpr bool kMinima = true;

  template <int kBlock>
  static HWY_INLINE Bytes weights(const std::byte* words, int64_t part, int64_t i) {
    return bits<2 * kBlock, 2, 0>(word(words, 4 + 8 * part + i));
  }
  static HWY_INLINE void scales(const std::byte* words, Vector all, Vector all_minima, Vector* scales, Vector* minima) {
    for (int64_t i = 0; i < 4; ++i) {
      const Bytes both = word(words, i);
      unsigned_bytes(bits<0, 4, 0>(both), all, scales + 4 * i);
      unsigned_bytes(bits<4, 4, 0>(both), all_minima, minima + 4 * i);
    }
  }
};

struct SuperBlockQ3K {
  static constexpr NumberType kType = NumberType::q3_k;
  static constexpr int kLargest = 7, kZero = 4, kGroup = 16, kPeriod = 8;
  static constexpr bool kMinima = false;

  template <int kBlock>
  static HWY_INLINE Bytes weights(const std::byte* words, int64_t /*part*/, int64_t i) {
    return hn::Or(bits<kBlock % 4 * 2, 2, 0>(word(words, 8 + kBlock / 4 * 8 + i)), bits<kBlock, 1, 2>(word(words, i)));
  }
  // Six bits, of which 32 stands for zero: four in the first two words, two in the third.
  static HWY_INLINE void scales(const std::byte* words, Vector all, Vector /*all_minima*/, Vector* scales,
                                Vector* /*minima*/) {
    const Bytes first = word(words, 24), second = word(words, 25), third = word(words, 26);
    unsigned_bytes(hn::Or(bits<0, 4, 0>(first), bits<0, 2, 4>(third)), all, scales);
    unsigned_bytes(hn::Or(bits<0, 4, 0>(second), bits<2, 2, 4>(third)), all, scales + 4);
    unsigned_bytes(hn::Or(bits<4, 4, 0>(first), bits<4, 2, 4>(third)), all, scales + 8);
    unsigned_bytes(hn::Or(bits<4, 4, 0>(second), bits<6, 2, 4>(third)), all, scales + 12);
    const Vector zero = hn::Mul(all, hn::Set(Floats(), 32));
    for (int i = 0; i < 16; ++i) scales[i] = hn::Sub(scales[i], zero);
  }
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_SUPER_BLOCK_TYPES_INL_H_
