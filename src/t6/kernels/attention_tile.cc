#include "t6/kernels/attention_tile.h"

#include <algorithm>
#include <limits>

#include "t6/kernels/factor_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention_tile.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "hwy/contrib/math/math-inl.h"
#include "t6/kernels/small_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// The tile's pairs of query and head are the columns of its matrices, heads fastest: column t * heads + h. Keys and
// ranks are rows, so that the softmax over keys runs in every lane at once, and a key's head factors are a row as
// they lie in the cache. Columns are padded to whole vectors; what the padding holds is never stored.
class Tile {
 public:
  Tile(const Attention& arguments, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments), tile_(tile), buffers_(buffers), columns_(tile.tokens * tile.heads) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
    stride_ = (columns_ + lanes - 1) / lanes * lanes;
    output_stride_ = (x_.v.features + lanes - 1) / lanes * lanes;
    key_ranks_ = x_.k.a ? x_.k.rank : 1;
    value_ranks_ = x_.v.a ? x_.v.rank : 1;
    // Scores of a block stay in the first-level cache. Blocks begin at the same keys for every query.
    block_ = std::clamp<int64_t>(128 / std::max(key_ranks_, value_ranks_), 8, 64);
  }

  void run() {
    gather_queries();
    start_state();
    const int64_t limit = x_.start + tile_.token + tile_.tokens;
    for (int64_t begin = 0; begin < limit; begin += block_) {
      // With a shift, a block looks at the key before it again.
      const int64_t lead = x_.k_shift && begin > 0 ? 1 : 0;
      const int64_t first = begin - lead, end = std::min(limit, begin + block_);
      score(first, end);
      if (x_.k_shift) shift_logits(lead, end - first);
      mask(first, end);
      soften(lead, end - first);
      if (x_.v_shift) shift_weights(lead, end - first);
      add_values(first, end);
    }
    finish();
  }

 private:
  int64_t group(const FactorView& view) const { return tile_.head * view.rank / x_.heads; }

  // Queries as columns, [D, stride], scaled.
  void gather_queries() {
    const int64_t D = x_.q.features, dense_stride = (D + 63) / 64 * 64;
    queries_ = buffers_.queries.reserve(D * stride_);
    std::fill_n(queries_, D * stride_, 0.0f);
    float* dense = buffers_.dense.reserve(tile_.heads * dense_stride);
    const FactorRows rows = factor_rows(x_.q, tile_.token, tile_.token + tile_.tokens, buffers_.query_rows);
    for (int64_t t = 0; t < tile_.tokens; ++t) {
      const float* b = rows.data + t * rows.token_stride;
      if (x_.q.a) {
        small_product({.a = x_.q.a + (tile_.token + t) * x_.q.a_stride + tile_.head,
                       .a_row = 1,
                       .a_step = x_.heads,
                       .b = b,
                       .b_row = D,
                       .c = dense,
                       .c_row = dense_stride,
                       .M = tile_.heads,
                       .N = D,
                       .K = x_.q.rank});
      }
      for (int64_t h = 0; h < tile_.heads; ++h) {
        const float* query = x_.q.a ? dense + h * dense_stride : b + (tile_.head + h) * x_.q.rank / x_.heads * D;
        float* column = queries_ + t * tile_.heads + h;
        for (int64_t i = 0; i < D; ++i) column[i * stride_] = query[i] * x_.logit_scale;
      }
    }
  }

  void start_state() {
    state_ = buffers_.state.reserve(8 * stride_);
    maximum_ = state_, sum_ = state_ + stride_, rescale_ = state_ + 2 * stride_, query_ = state_ + 3 * stride_;
    float* shifts = state_ + 4 * stride_;
    std::fill_n(maximum_, stride_, -std::numeric_limits<float>::infinity());
    std::fill_n(sum_, stride_, 0.0f);
    std::fill_n(query_, 5 * stride_, 0.0f);
    for (int64_t i = 0; i < columns_; ++i) {
      const int64_t h = tile_.head + i % tile_.heads;
      query_[i] = static_cast<float>(i / tile_.heads);
      for (int64_t s = 0; x_.k_shift && s < 2; ++s) {
        shifts[s * stride_ + i] = x_.k_shift[s * x_.heads + h];
        shifts[(2 + s) * stride_ + i] = x_.v_shift[s * x_.heads + h];
      }
    }
    key_shifts_ = shifts, value_shifts_ = shifts + 2 * stride_;
    output_ = buffers_.output.reserve(columns_ * output_stride_);
    std::fill_n(output_, columns_ * output_stride_, 0.0f);
    const int64_t keys = block_ + 1;
    logits_ = buffers_.logits.reserve(keys * stride_);
    scores_ = buffers_.scores.reserve(keys * key_ranks_ * stride_);
    weights_ = buffers_.weights.reserve(keys * value_ranks_ * stride_);
    head_factors_ = buffers_.head_factors.reserve(keys * std::max(key_ranks_, value_ranks_) * stride_ + kOvershoot);
  }

  // Rows (k, r): the view's head factors, [H] of token first + k, once for each query. A vector at a time from the last
  // on: what it writes too much belongs to a later column, which comes after it.
  void expand_head_factors(const FactorView& view, int64_t first, int64_t end) {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    float* to = head_factors_;
    for (int64_t k = first; k < end; ++k) {
      for (int64_t r = 0; r < view.rank; ++r, to += stride_) {
        const float* a = view.a + k * view.a_stride + r * x_.heads + tile_.head;
        for (int64_t h = (tile_.heads - 1) / lanes * lanes; h >= 0; h -= lanes) {
          const int64_t left = tile_.heads - h;
          const Vector v = left >= lanes ? hn::LoadU(d, a + h) : load_first(d, a + h, static_cast<size_t>(left));
          for (int64_t t = 0; t < tile_.tokens; ++t) hn::StoreU(v, d, to + t * tile_.heads + h);
        }
      }
    }
  }

  // Logits of keys [first, end), [keys, stride].
  void score(int64_t first, int64_t end) {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t keys = end - first;
    const FactorRows rows = factor_rows(x_.k, first, end, buffers_.key_rows);
    float* scores = x_.k.a ? scores_ : logits_;
    for (int64_t r = 0; r < key_ranks_; ++r) {
      small_product({.a = rows.data + (x_.k.a ? r : group(x_.k)) * x_.k.features,
                     .a_row = rows.token_stride,
                     .a_step = 1,
                     .b = queries_,
                     .b_row = stride_,
                     .c = scores + r * stride_,
                     .c_row = key_ranks_ * stride_,
                     .M = keys,
                     .N = stride_,
                     .K = x_.k.features});
    }
    if (!x_.k.a) return;
    expand_head_factors(x_.k, first, end);
    for (int64_t k = 0; k < keys; ++k) {
      const float *a = head_factors_ + k * key_ranks_ * stride_, *score = scores_ + k * key_ranks_ * stride_;
      for (int64_t i = 0; i < stride_; i += lanes) {
        Vector sum = hn::Mul(hn::LoadU(d, a + i), hn::Load(d, score + i));
        for (int64_t r = 1; r < key_ranks_; ++r) {
          sum = hn::MulAdd(hn::LoadU(d, a + r * stride_ + i), hn::Load(d, score + r * stride_ + i), sum);
        }
        hn::Store(sum, d, logits_ + k * stride_ + i);
      }
    }
  }

  // Row k becomes shifts[0] * row k + shifts[1] * row other; a row outside [0, keys) is zero.
  void mix_rows(const float* shifts, int64_t k, int64_t other, int64_t keys) {
    const Floats d;
    for (int64_t i = 0; i < stride_; i += static_cast<int64_t>(hn::Lanes(d))) {
      Vector mixed = hn::Mul(hn::Load(d, shifts + i), hn::Load(d, logits_ + k * stride_ + i));
      if (other >= 0 && other < keys) {
        mixed = hn::MulAdd(hn::Load(d, shifts + stride_ + i), hn::Load(d, logits_ + other * stride_ + i), mixed);
      }
      hn::Store(mixed, d, logits_ + k * stride_ + i);
    }
  }

  // A query's product with the mixed keys is the mix of its products: logits mix with those of the key before.
  void shift_logits(int64_t lead, int64_t keys) {
    for (int64_t k = keys - 1; k >= lead; --k) mix_rows(key_shifts_, k, k - 1, keys);
  }

  // A value is used by its own token and by the next one: its weight mixes with that of the key after.
  void shift_weights(int64_t lead, int64_t keys) {
    if (lead) std::fill_n(logits_, stride_, 0.0f);
    for (int64_t k = 0; k < keys; ++k) mix_rows(value_shifts_, k, k + 1, keys);
  }

  // Keys after a query's own position do not count for it.
  void mask(int64_t first, int64_t end) {
    const Floats d;
    const Vector never = hn::Set(d, -std::numeric_limits<float>::infinity());
    const int64_t first_query = x_.start + tile_.token;
    for (int64_t k = std::max(first, first_query + 1); k < end; ++k) {
      const Vector key = hn::Set(d, static_cast<float>(k - first_query));
      for (int64_t i = 0; i < stride_; i += static_cast<int64_t>(hn::Lanes(d))) {
        float* logit = logits_ + (k - first) * stride_ + i;
        hn::Store(hn::IfThenElse(hn::Lt(hn::Load(d, query_ + i), key), never, hn::Load(d, logit)), d, logit);
      }
    }
  }

  // Online softmax over rows [begin, keys): logits become weights relative to the new maximum; rescale is what earlier
  // sums must be multiplied by. Key 0 is seen by every query, so the maximum is finite from the first block on.
  void soften(int64_t begin, int64_t keys) {
    const Floats d;
    for (int64_t i = 0; i < stride_; i += static_cast<int64_t>(hn::Lanes(d))) {
      const Vector before = hn::Load(d, maximum_ + i);
      Vector largest = before;
      for (int64_t k = begin; k < keys; ++k) largest = hn::Max(largest, hn::Load(d, logits_ + k * stride_ + i));
      const Vector rescale = hn::Exp(d, hn::Sub(before, largest));
      Vector sum = hn::Mul(hn::Load(d, sum_ + i), rescale);
      for (int64_t k = begin; k < keys; ++k) {
        float* logit = logits_ + k * stride_ + i;
        const Vector weight = hn::Exp(d, hn::Sub(hn::Load(d, logit), largest));
        hn::Store(weight, d, logit);
        sum = hn::Add(sum, weight);
      }
      hn::Store(largest, d, maximum_ + i);
      hn::Store(rescale, d, rescale_ + i);
      hn::Store(sum, d, sum_ + i);
    }
  }

  // What was summed up so far, relative to the new maximum.
  void rescale_output() {
    const Floats d;
    for (int64_t i = 0; i < columns_; ++i) {
      float* row = output_ + i * output_stride_;
      const Vector factor = hn::Set(d, rescale_[i]);
      for (int64_t e = 0; e < output_stride_; e += static_cast<int64_t>(hn::Lanes(d))) {
        hn::Store(hn::Mul(hn::Load(d, row + e), factor), d, row + e);
      }
    }
  }

  void add_values(int64_t first, int64_t end) {
    const Floats d;
    const int64_t keys = end - first;
    const float* weights = logits_;
    if (x_.v.a) {
      expand_head_factors(x_.v, first, end);
      for (int64_t row = 0; row < keys * value_ranks_; ++row) {
        for (int64_t i = 0; i < stride_; i += static_cast<int64_t>(hn::Lanes(d))) {
          const Vector a = hn::LoadU(d, head_factors_ + row * stride_ + i);
          hn::Store(hn::Mul(a, hn::Load(d, logits_ + row / value_ranks_ * stride_ + i)), d,
                    weights_ + row * stride_ + i);
        }
      }
      weights = weights_;
    }
    rescale_output();
    const FactorRows rows = factor_rows(x_.v, first, end, buffers_.value_rows);
    for (int64_t r = 0; r < value_ranks_; ++r) {
      small_product({.a = weights + r * stride_,
                     .a_row = 1,
                     .a_step = value_ranks_ * stride_,
                     .b = rows.data + (x_.v.a ? r : group(x_.v)) * x_.v.features,
                     .b_row = rows.token_stride,
                     .c = output_,
                     .c_row = output_stride_,
                     .M = columns_,
                     .N = x_.v.features,
                     .K = keys,
                     .accumulate = true});
    }
  }

  void finish() {
    const int64_t E = x_.v.features;
    for (int64_t i = 0; i < columns_; ++i) {
      const int64_t t = tile_.token + i / tile_.heads, h = tile_.head + i % tile_.heads;
      const float *from = output_ + i * output_stride_, factor = x_.value_scale / sum_[i];
      float* to = x_.out + (t * x_.heads + h) * E;
      for (int64_t e = 0; e < E; ++e) to[e] = from[e] * factor;
    }
  }

  static constexpr int64_t kOvershoot = 64;  // numbers that the last head factors may be written too far

  const Attention& x_;
  const AttentionTile& tile_;
  TileBuffers& buffers_;
  int64_t columns_, stride_, output_stride_, key_ranks_, value_ranks_, block_;
  float* queries_ = nullptr;       // [D, stride]
  float* head_factors_ = nullptr;  // [keys, R, stride]
  float* scores_ = nullptr;        // [keys, R_K, stride]
  float* logits_ = nullptr;        // [keys, stride], then the softmax's weights
  float* weights_ = nullptr;       // [keys, R_V, stride]
  float* output_ = nullptr;        // [columns, output_stride]
  float* state_ = nullptr;
  float *maximum_ = nullptr, *sum_ = nullptr, *rescale_ = nullptr;  // [stride] each
  float* query_ = nullptr;                                          // [stride]: a column's query, from 0
  const float *key_shifts_ = nullptr, *value_shifts_ = nullptr;     // [2, stride]
};

void attend(const Attention& arguments, const AttentionTile& tile, TileBuffers& buffers) {
  Tile(arguments, tile, buffers).run();
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(attend);

void attend_tile(const Attention& arguments, const AttentionTile& tile, TileBuffers& buffers) {
  HWY_DYNAMIC_DISPATCH(attend)(arguments, tile, buffers);
}

}  // namespace t6
#endif  // HWY_ONCE
