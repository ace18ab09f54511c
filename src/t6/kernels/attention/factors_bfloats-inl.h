// Keys and values of a block as products of bfloat16 take them (attention/small_bfloat_product.h): materialized where
// they have head factors, and rounded, neighbours along the product's K in pairs.

#if defined(T6_KERNELS_ATTENTION_FACTORS_BFLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_FACTORS_BFLOATS_INL_H_
#undef T6_KERNELS_ATTENTION_FACTORS_BFLOATS_INL_H_
#else
#define T6_KERNELS_ATTENTION_FACTORS_BFLOATS_INL_H_
#endif

#include <cstdint>

#include "t6/kernels/attention/factor_block-inl.h"
#include "t6/kernels/attention/stored_values-inl.h"
#include "t6/kernels/simd/bfloats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Rows of `width` numbers, `count` of them, zeros after those, in pairs: [pairs, out_row]. What lies past `width` is
// left as it is.
template <typename Load>
HWY_INLINE void write_row_pairs(const Load& load, int64_t count, int64_t width, int64_t pairs, uint32_t* out,
                                int64_t out_row) {
  for (int64_t p = 0; p < pairs; ++p, out += out_row) {
    const int64_t low = 2 * p, high = low + 1;
    for (int64_t i = 0; i < width; i += kLanes) {
      store_pairs(low < count ? load(low, i) : hn::Zero(Floats()), high < count ? load(high, i) : hn::Zero(Floats()),
                  out + i);
    }
  }
}

// Calls write(load) with what loads row r's numbers from number i on: of the block's factors, rows of `width` numbers
// that begin `row_numbers` apart, of head `head` or of all that share them. factor(a, r, i): a rank's head factors of
// these numbers, of its 64 of the block.
template <typename Factor, typename Write>
HWY_INLINE void with_rows(const FactorBlock& block, int64_t head, int64_t row_numbers, int64_t width,
                          const Factor& factor, const Write& write) {
  const auto load = [&](int64_t s, int64_t r, int64_t i) HWY_ATTR {
    return load_up_to(Floats(), block.feature_rows(s) + r * row_numbers + i, width - i);
  };
  if (!block.has_a()) return write([&](int64_t r, int64_t i) HWY_ATTR { return load(0, r, i); });
  const float* a = block.head_rows(head);
  write([&](int64_t r, int64_t i) HWY_ATTR {
    Vector sum = hn::Zero(Floats());
    for (int64_t s = 0; s < block.ranks(); ++s) {
      sum = hn::MulAdd(factor(a + s * kPageTokens, r, i), load(s, r, i), sum);
    }
    return sum;
  });
}

// Of factors whose rows are tokens.
template <typename Write>
HWY_INLINE void with_token_rows(const FactorBlock& block, int64_t head, int64_t features, const Write& write) {
  with_rows(
      block, head, block.b_row(), features,
      [](const float* a, int64_t t, int64_t) HWY_ATTR { return hn::Set(Floats(), a[t]); }, write);
}

// The first `count` values of the block's head `head`, or of all its heads where they have no factors: [32 pairs of
// tokens, out_row].
inline void write_value_pairs(const FactorBlock& values, int64_t head, int64_t count, int64_t features, uint32_t* out,
                              int64_t out_row) {
  with_token_rows(values, head, features, [=](const auto& load) HWY_ATTR {
    write_row_pairs(load, count, features, kPageTokens / 2, out, out_row);
  });
}

// The same of keys: [pairs of features, 64], zeros in pairs after the last feature. scratch: [64, pairs].
inline void write_key_pairs(const FactorBlock& keys, int64_t head, int64_t count, int64_t features, int64_t pairs,
                            float* scratch, uint32_t* out) {
  const Floats d;
  if (keys.side() == FactorBlock::Side::keys) {
    const auto factor = [=](const float* a, int64_t, int64_t t) HWY_ATTR { return hn::Load(d, a + t); };
    return with_rows(keys, head, kPageTokens, kPageTokens, factor, [=](const auto& load) HWY_ATTR {
      write_row_pairs(load, features, kPageTokens, pairs, out, kPageTokens);
    });
  }
  with_token_rows(keys, head, features, [=](const auto& load) HWY_ATTR {
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t i = 0; i < 2 * pairs; i += 2 * kLanes) {
        const Vector low = i < features ? load(t, i) : hn::Zero(d);
        const Vector high = i + kLanes < features ? load(t, i + kLanes) : hn::Zero(d);
        store_bfloats(low, high, reinterpret_cast<uint16_t*>(scratch + t * pairs) + i);
      }
    }
  });
  // A pair is as wide as a float.
  transpose_rows(scratch, pairs, count, pairs, reinterpret_cast<float*>(out), kPageTokens);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_FACTORS_BFLOATS_INL_H_
