// The online softmax of an attention tile: logits of one block of keys, the running maximum and sum.

#if defined(T6_KERNELS_LOGIT_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LOGIT_BLOCK_INL_H_
#undef T6_KERNELS_LOGIT_BLOCK_INL_H_
#else
#define T6_KERNELS_LOGIT_BLOCK_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "t6/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Rows are keys, columns pairs of query and head; `stride` is a multiple of a vector's lanes. Everything is a loop over
// columns without a look at their neighbours, so padding may hold anything.
class LogitBlock {
 public:
  // Numbers of memory for a block of at most `keys` rows.
  static int64_t memory_size(int64_t keys, int64_t stride) { return (keys + 4) * stride; }

  // queries[column]: the position of its query. Memory is aligned for vectors.
  LogitBlock(float* memory, int64_t keys, int64_t stride)
      : rows_(memory),
        maximum_(memory + keys * stride),
        sum_(maximum_ + stride),
        rescale_(sum_ + stride),
        query_(rescale_ + stride),
        stride_(stride) {
    std::fill_n(maximum_, stride, -std::numeric_limits<float>::infinity());
    std::fill_n(sum_, stride, 0.0f);
    std::fill_n(query_, stride, 0.0f);
  }

  float* rows() { return rows_; }                    // [keys, stride]: logits, after soften() weights
  float* query() { return query_; }                  // [stride]: a column's query, counted from the tile's first
  const float* sum() const { return sum_; }          // [stride]: of all weights so far
  const float* rescale() const { return rescale_; }  // [stride]: what earlier weights must be multiplied by

  // Logits from scores: row k = sum_r a[k, r] * scores[k, r]; both [keys, ranks, stride].
  void combine(const float* a, const float* scores, int64_t ranks, int64_t keys) {
    for (int64_t k = 0; k < keys; ++k, a += ranks * stride_, scores += ranks * stride_) {
      for_columns([&](Floats d, int64_t i) HWY_ATTR {
        Vector logit = hn::Mul(hn::Load(d, a + i), hn::Load(d, scores + i));
        for (int64_t at = i + stride_; at < ranks * stride_; at += stride_) {
          logit = hn::MulAdd(hn::Load(d, a + at), hn::Load(d, scores + at), logit);
        }
        hn::Store(logit, d, rows_ + k * stride_ + i);
      });
    }
  }

  // out[k, r] = a[k, r] * row k; both [keys, ranks, stride].
  void spread(const float* a, int64_t ranks, int64_t keys, float* out) const {
    for (int64_t row = 0; row < keys * ranks; ++row, a += stride_, out += stride_) {
      const float* weights = rows_ + row / ranks * stride_;
      for_columns([&](Floats d, int64_t i)
                      HWY_ATTR { hn::Store(hn::Mul(hn::Load(d, a + i), hn::Load(d, weights + i)), d, out + i); });
    }
  }

  // A query's product with mixed keys is the mix of its products: logits mix with those of the key before, with
  // shifts [2, stride]. The first `lead` rows are there for this alone.
  void shift_logits(const float* shifts, int64_t lead, int64_t keys) {
    for (int64_t k = keys - 1; k >= lead; --k) mix_rows(shifts, k, k - 1, keys);
  }

  // A value is used by its own token and by the next one: its weight mixes with that of the key after. The first
  // `lead` rows have no weight of their own here.
  void shift_weights(const float* shifts, int64_t lead, int64_t keys) {
    std::fill_n(rows_, lead * stride_, 0.0f);
    for (int64_t k = 0; k < keys; ++k) mix_rows(shifts, k, k + 1, keys);
  }

  // Keys after a query's own position do not count for it; row 0 is key `first`, counted as query() is.
  void mask(int64_t first, int64_t keys) {
    for (int64_t k = std::max<int64_t>(0, 1 - first); k < keys; ++k) {
      for_columns([&](Floats d, int64_t i) HWY_ATTR {
        const Vector key = hn::Set(d, static_cast<float>(first + k));
        const Vector never = hn::Set(d, -std::numeric_limits<float>::infinity());
        float* logit = rows_ + k * stride_ + i;
        hn::Store(hn::IfThenElse(hn::Lt(hn::Load(d, query_ + i), key), never, hn::Load(d, logit)), d, logit);
      });
    }
  }

  // Rows [begin, keys) become weights relative to the new maximum. Key 0 is seen by every query, so the maximum is
  // finite from the first block on.
  void soften(int64_t begin, int64_t keys) {
    for_columns([&](Floats d, int64_t i) HWY_ATTR {
      const Vector before = hn::Load(d, maximum_ + i);
      Vector largest = before;
      for (int64_t k = begin; k < keys; ++k) largest = hn::Max(largest, hn::Load(d, rows_ + k * stride_ + i));
      const Vector rescale = hn::Exp(d, hn::Sub(before, largest));
      Vector sum = hn::Mul(hn::Load(d, sum_ + i), rescale);
      for (int64_t k = begin; k < keys; ++k) {
        float* logit = rows_ + k * stride_ + i;
        const Vector weight = hn::Exp(d, hn::Sub(hn::Load(d, logit), largest));
        hn::Store(weight, d, logit);
        sum = hn::Add(sum, weight);
      }
      hn::Store(largest, d, maximum_ + i);
      hn::Store(rescale, d, rescale_ + i);
      hn::Store(sum, d, sum_ + i);
    });
  }

 private:
  template <typename Body>
  HWY_INLINE void for_columns(Body&& body) const {
    const Floats d;
    for (int64_t i = 0; i < stride_; i += static_cast<int64_t>(hn::Lanes(d))) body(d, i);
  }

  // Row k becomes shifts[0] * row k + shifts[1] * row other; a row outside [0, keys) is zero.
  void mix_rows(const float* shifts, int64_t k, int64_t other, int64_t keys) {
    for_columns([&](Floats d, int64_t i) HWY_ATTR {
      Vector mixed = hn::Mul(hn::Load(d, shifts + i), hn::Load(d, rows_ + k * stride_ + i));
      if (other >= 0 && other < keys) {
        mixed = hn::MulAdd(hn::Load(d, shifts + stride_ + i), hn::Load(d, rows_ + other * stride_ + i), mixed);
      }
      hn::Store(mixed, d, rows_ + k * stride_ + i);
    });
  }

  float *rows_, *maximum_, *sum_, *rescale_, *query_;
  int64_t stride_;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LOGIT_BLOCK_INL_H_
