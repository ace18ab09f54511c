#include "t6/kernels/attention_tile.h"

#include <algorithm>

#include "t6/kernels/factor_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention_tile.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/logit_block-inl.h"
#include "t6/kernels/small_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

HWY_INLINE int64_t whole_vectors(int64_t count) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
  return (count + lanes - 1) / lanes * lanes;
}

// Sizes of a tile's matrices. Their columns are its pairs of query and head, heads fastest: column t * heads + h. Keys
// and ranks are rows, so that the softmax over keys runs in every lane at once, and a key's head factors are a row as
// they lie in the cache. Columns are padded to whole vectors; what the padding holds is never stored.
struct TileSizes {
  TileSizes(const Attention& x, const AttentionTile& tile)
      : columns(tile.tokens * tile.heads),
        stride(whole_vectors(columns)),
        output_stride(whole_vectors(x.v.features)),
        dense_stride(whole_vectors(x.q.features)),
        key_ranks(x.k.a ? x.k.rank : 1),
        value_ranks(x.v.a ? x.v.rank : 1),
        // Scores of a block stay in the first-level cache. Blocks begin at the same keys for every query.
        block(std::clamp<int64_t>(128 / std::max(key_ranks, value_ranks), 8, 64)),
        keys(block + 1) {}  // a shift looks at the key before the block

  int64_t columns, stride, output_stride, dense_stride, key_ranks, value_ranks, block, keys;
};

class Tile {
 public:
  Tile(const Attention& arguments, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        tile_(tile),
        buffers_(buffers),
        size_(arguments, tile),
        queries_(buffers.queries.reserve(x_.q.features * size_.stride)),
        head_factors_(buffers.head_factors.reserve(
            size_.keys * std::max(size_.key_ranks, size_.value_ranks) * size_.stride + kOvershoot)),
        scores_(buffers.scores.reserve(size_.keys * size_.key_ranks * size_.stride)),
        weights_(buffers.weights.reserve(size_.keys * size_.value_ranks * size_.stride)),
        output_(buffers.output.reserve(size_.columns * size_.output_stride)),
        shifts_(buffers.shifts.reserve(4 * size_.stride)),
        logits_(buffers.logits.reserve(LogitBlock::memory_size(size_.keys, size_.stride)), size_.keys, size_.stride) {}

  void run() {
    start_columns();
    gather_queries();
    std::fill_n(output_, size_.columns * size_.output_stride, 0.0f);
    const int64_t first_query = x_.start + tile_.token, limit = first_query + tile_.tokens;
    for (int64_t begin = 0; begin < limit; begin += size_.block) {
      const int64_t lead = x_.k_shift && begin > 0 ? 1 : 0;
      const int64_t first = begin - lead, end = std::min(limit, begin + size_.block), keys = end - first;
      score(first, end);
      if (x_.k_shift) logits_.shift_logits(shifts_, lead, keys);
      logits_.mask(first - first_query, keys);
      logits_.soften(lead, keys);
      if (x_.k_shift) logits_.shift_weights(shifts_ + 2 * size_.stride, lead, keys);
      rescale_output();
      add_values(first, end);
    }
    finish();
  }

 private:
  static constexpr int64_t kOvershoot = 64;  // numbers that the last head factors may be written too far

  int64_t group(const FactorView& view) const { return tile_.head * view.rank / x_.heads; }

  // What a column is: its query, and its head's shifts.
  void start_columns() {
    std::fill_n(shifts_, 4 * size_.stride, 0.0f);
    for (int64_t i = 0; i < size_.columns; ++i) {
      const int64_t h = tile_.head + i % tile_.heads;
      logits_.query()[i] = static_cast<float>(i / tile_.heads);
      for (int64_t s = 0; x_.k_shift && s < 2; ++s) {
        shifts_[s * size_.stride + i] = x_.k_shift[s * x_.heads + h];
        shifts_[(2 + s) * size_.stride + i] = x_.v_shift[s * x_.heads + h];
      }
    }
  }

  // Queries as columns, [D, stride], scaled.
  void gather_queries() {
    const int64_t D = x_.q.features;
    std::fill_n(queries_, D * size_.stride, 0.0f);
    float* dense = buffers_.dense.reserve(tile_.heads * size_.dense_stride);
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
                       .c_row = size_.dense_stride,
                       .M = tile_.heads,
                       .N = D,
                       .K = x_.q.rank});
      }
      for (int64_t h = 0; h < tile_.heads; ++h) {
        const float* query = x_.q.a ? dense + h * size_.dense_stride : b + (tile_.head + h) * x_.q.rank / x_.heads * D;
        float* column = queries_ + t * tile_.heads + h;
        for (int64_t i = 0; i < D; ++i) column[i * size_.stride] = query[i] * x_.logit_scale;
      }
    }
  }

  // Rows (k, r): the view's head factors, [H] of token first + k, once for each query. A vector at a time from the last
  // on: what it writes too much belongs to a later column, which comes after it.
  void expand_head_factors(const FactorView& view, int64_t first, int64_t end) {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    float* to = head_factors_;
    for (int64_t k = first; k < end; ++k) {
      for (int64_t r = 0; r < view.rank; ++r, to += size_.stride) {
        const float* a = view.a + k * view.a_stride + r * x_.heads + tile_.head;
        for (int64_t h = (tile_.heads - 1) / lanes * lanes; h >= 0; h -= lanes) {
          const int64_t left = tile_.heads - h;
          const Vector v = left >= lanes ? hn::LoadU(d, a + h) : load_first(d, a + h, static_cast<size_t>(left));
          for (int64_t t = 0; t < tile_.tokens; ++t) hn::StoreU(v, d, to + t * tile_.heads + h);
        }
      }
    }
  }

  // Logits of keys [first, end).
  void score(int64_t first, int64_t end) {
    const FactorRows rows = factor_rows(x_.k, first, end, buffers_.key_rows);
    float* scores = x_.k.a ? scores_ : logits_.rows();
    for (int64_t r = 0; r < size_.key_ranks; ++r) {
      small_product({.a = rows.data + (x_.k.a ? r : group(x_.k)) * x_.k.features,
                     .a_row = rows.token_stride,
                     .a_step = 1,
                     .b = queries_,
                     .b_row = size_.stride,
                     .c = scores + r * size_.stride,
                     .c_row = size_.key_ranks * size_.stride,
                     .M = end - first,
                     .N = size_.stride,
                     .K = x_.k.features});
    }
    if (!x_.k.a) return;
    expand_head_factors(x_.k, first, end);
    logits_.combine(head_factors_, scores_, size_.key_ranks, end - first);
  }

  // What was summed up so far, relative to the new maximum.
  void rescale_output() {
    const Floats d;
    for (int64_t i = 0; i < size_.columns; ++i) {
      float* row = output_ + i * size_.output_stride;
      const Vector factor = hn::Set(d, logits_.rescale()[i]);
      for (int64_t e = 0; e < size_.output_stride; e += static_cast<int64_t>(hn::Lanes(d))) {
        hn::Store(hn::Mul(hn::Load(d, row + e), factor), d, row + e);
      }
    }
  }

  // Weighted values of keys [first, end).
  void add_values(int64_t first, int64_t end) {
    const float* weights = logits_.rows();
    if (x_.v.a) {
      expand_head_factors(x_.v, first, end);
      logits_.spread(head_factors_, size_.value_ranks, end - first, weights_);
      weights = weights_;
    }
    const FactorRows rows = factor_rows(x_.v, first, end, buffers_.value_rows);
    for (int64_t r = 0; r < size_.value_ranks; ++r) {
      small_product({.a = weights + r * size_.stride,
                     .a_row = 1,
                     .a_step = size_.value_ranks * size_.stride,
                     .b = rows.data + (x_.v.a ? r : group(x_.v)) * x_.v.features,
                     .b_row = rows.token_stride,
                     .c = output_,
                     .c_row = size_.output_stride,
                     .M = size_.columns,
                     .N = x_.v.features,
                     .K = end - first,
                     .accumulate = true});
    }
  }

  void finish() {
    const int64_t E = x_.v.features;
    for (int64_t i = 0; i < size_.columns; ++i) {
      const int64_t t = tile_.token + i / tile_.heads, h = tile_.head + i % tile_.heads;
      const float *from = output_ + i * size_.output_stride, factor = x_.value_scale / logits_.sum()[i];
      float* to = x_.out + (t * x_.heads + h) * E;
      for (int64_t e = 0; e < E; ++e) to[e] = from[e] * factor;
    }
  }

  const Attention& x_;
  const AttentionTile& tile_;
  TileBuffers& buffers_;
  const TileSizes size_;
  float* queries_;       // [D, stride]
  float* head_factors_;  // [keys, R, stride], of keys, then of values
  float* scores_;        // [keys, R_K, stride]
  float* weights_;       // [keys, R_V, stride]
  float* output_;        // [columns, output_stride], relative to the maximum
  float* shifts_;        // [2, stride] of the keys, [2, stride] of the values
  LogitBlock logits_;
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
