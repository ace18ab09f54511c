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

// Calls write(load) with what loads row r's numbers from number i on: of the block's factors that are rows, [64,
// features], of head `head` or of all that share them.
template <typename Write>
HWY_INLINE void with_rows(const FactorBlock& block, int64_t head, int64_t features, const Write& write) {
  if (!block.has_a()) {
    const float* rows = block.feature_rows(0);
    return write([=, &block](int64_t r, int64_t i)
                     HWY_ATTR { return load_up_to(Floats(), rows + r * block.b_row() + i, features - i); });
  }
  const float* a = block.head_rows(head);
  write([&](int64_t r, int64_t i) HWY_ATTR {
    const Floats d;
    Vector sum = hn::Zero(d);
    for (int64_t s = 0; s < block.ranks(); ++s) {
      const float* row = block.feature_rows(s) + r * block.b_row();
      sum = hn::MulAdd(hn::Set(d, a[s * kPageTokens + r]), load_up_to(d, row + i, features - i), sum);
    }
    return sum;
  });
}

// The first `count` values of the block's head `head`, or of all its heads where they have no factors: [32 pairs of
// tokens, out_row].
inline void write_value_pairs(const FactorBlock& values, int64_t head, int64_t count, int64_t features, uint32_t* out,
                              int64_t out_row) {
  with_rows(values, head, features,
            [=](const auto& load) HWY_ATTR { write_row_pairs(load, count, features, kPageTokens / 2, out, out_row); });
}

// The same of keys: [pairs of features, 64], zeros in pairs after the last feature. scratch: [64, pairs].
inline void write_key_pairs(const FactorBlock& keys, int64_t head, int64_t count, int64_t features, int64_t pairs,
                            float* scratch, uint32_t* out) {
  const Floats d;
  if (keys.side() == FactorBlock::Side::values) {
    with_rows(keys, head, features, [=](const auto& load) HWY_ATTR {
      for (int64_t t = 0; t < count; ++t) {
        for (int64_t i = 0; i < 2 * pairs; i += 2 * kLanes) {
          const Vector low = i < features ? load(t, i) : hn::Zero(d);
          const Vector high = i + kLanes < features ? load(t, i + kLanes) : hn::Zero(d);
          store_bfloats(low, high, reinterpret_cast<uint16_t*>(scratch + t * pairs) + i);
        }
      }
    });
    // A pair is as wide as a float.
    return transpose_rows(scratch, pairs, count, pairs, reinterpret_cast<float*>(out), kPageTokens);
  }
  if (!keys.has_a()) {
    const float* columns = keys.feature_rows(0);
    const auto load = [=](int64_t i, int64_t t) HWY_ATTR { return hn::LoadU(d, columns + i * kPageTokens + t); };
    return write_row_pairs(load, features, kPageTokens, pairs, out, kPageTokens);
  }
  const float* a = keys.head_rows(head);
  const auto load = [&](int64_t i, int64_t t) HWY_ATTR {
    Vector sum = hn::Zero(d);
    for (int64_t s = 0; s < keys.ranks(); ++s) {
      const float* column = keys.feature_rows(s) + i * kPageTokens;
      sum = hn::MulAdd(hn::Load(d, a + s * kPageTokens + t), hn::LoadU(d, column + t), sum);
    }
    return sum;
  };
  write_row_pairs(load, features, kPageTokens, pairs, out, kPageTokens);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_FACTORS_BFLOATS_INL_H_
