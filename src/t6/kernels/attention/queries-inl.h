// The queries of a tile, materialized and scaled, and what held biases of keys add to their logits.

#if defined(T6_KERNELS_ATTENTION_QUERIES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_QUERIES_INL_H_
#undef T6_KERNELS_ATTENTION_QUERIES_INL_H_
#else
#define T6_KERNELS_ATTENTION_QUERIES_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "t6/kernels/attention/factor_rows.h"
#include "t6/kernels/attention/small_product-inl.h"
#include "t6/kernels/attention/tile.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

class Queries {
 public:
  Queries(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        tile_(tile),
        buffers_(buffers),
        first_head_(tile.group * plan.group),
        heads_(tile.groups * plan.group),
        stride_(padded_row(x_.q.features)) {}

  // A row for each of the tile's columns.
  void gather() {
    const int64_t D = x_.q.features, tokens = tile_.tokens;
    rows_ = buffers_.queries.reserve(heads_ * tokens * stride_);
    if (!x_.q.has_a() && !finished_on_use(x_.q)) return scale_stored();
    const FactorView view = view_of_heads();
    buffers_.query_rows.resize(static_cast<size_t>(view.rank * D));
    float* factors = buffers_.query_rows.data();
    for (int64_t t = 0; t < tokens; ++t) {
      write_factor_rows(view, tile_.token + t, tile_.token + t + 1, buffers_.rows, factors);
      if (x_.q.has_a()) {
        small_product({.a = x_.q.a + (tile_.token + t) * x_.q.a_stride + first_head_,
                       .a_row = 1,
                       .a_step = x_.heads,
                       .b = factors,
                       .b_row = D,
                       .c = rows_ + t * stride_,
                       .c_row = tokens * stride_,
                       .M = heads_,
                       .N = D,
                       .K = view.rank});
      }
      for (int64_t h = 0; h < heads_; ++h) {
        float* query = rows_ + (h * tokens + t) * stride_;
        if (!x_.q.has_a()) std::copy_n(factors + (rank(h) - rank(0)) * D, D, query);
        for (int64_t i = 0; i < D; ++i) query[i] *= x_.logit_scale;
      }
    }
  }

  const float* row(int64_t column) const { return rows_ + column * stride_; }
  int64_t stride() const { return stride_; }

  // Adds to the logits of columns [column, column + count) with the keys of a block, which begins at key `block`, what
  // the keys of rank `rank` lack. <q, R_(p + t) b> is <R_-p q, R_t b>: queries are turned back by the block's position,
  // and R_t b is the same in every block.
  void add_held_bias(int64_t column, int64_t count, int64_t rank, int64_t block, float* logits,
                     int64_t logits_row) const {
    if (!x_.k_bias.first) return;
    const int64_t begin = x_.k_bias.first[rank], pairs = x_.k_bias.first[rank + 1] - begin;
    if (pairs == 0) return;
    float* turned = buffers_.turned.reserve(count * 2 * pairs);
    turn_back(column, count, x_.k_bias.features + begin, pairs, block, turned);
    small_product({.a = turned,
                   .a_row = 2 * pairs,
                   .a_step = 1,
                   .b = x_.k_bias.rows + begin * 2 * kPageTokens,
                   .b_row = kPageTokens,
                   .c = logits,
                   .c_row = logits_row,
                   .M = count,
                   .N = kPageTokens,
                   .K = 2 * pairs,
                   .accumulate = true});
  }

 private:
  // Queries that are stored as they are multiplied.
  void scale_stored() {
    const Floats d;
    const int64_t D = x_.q.features;
    const Vector scale = hn::Set(d, x_.logit_scale);
    float* query = rows_;
    for (int64_t h = 0; h < heads_; ++h) {
      const float* from = x_.q.b + tile_.token * x_.q.b_stride + rank(h) * D;
      for (int64_t t = 0; t < tile_.tokens; ++t, from += x_.q.b_stride, query += stride_) {
        for (int64_t i = 0; i < D; i += kLanes) {
          store_up_to(hn::Mul(load_up_to(d, from + i, D - i), scale), d, query + i, D - i);
        }
      }
    }
  }

  // Of the tile's head h, where queries have no head factors.
  int64_t rank(int64_t h) const { return (first_head_ + h) * x_.q.rank / x_.heads; }

  // The queries of the tile's heads alone, or of all where a query is a sum over all ranks.
  FactorView view_of_heads() const {
    FactorView view = x_.q;
    if (view.has_a()) return view;
    view.rank = rank(heads_ - 1) + 1 - rank(0);
    view.b += rank(0) * view.features / view.third;
    if (view.has_c()) view.c += rank(0) * view.third;
    return view;
  }

  // The pairs of columns, [count, pairs, 2].
  void turn_back(int64_t column, int64_t count, const int32_t* features, int64_t pairs, int64_t block,
                 float* turned) const {
    const int64_t half = x_.k_bias.rotary_dim / 2;
    const float* entry = x_.k_bias.rotary + block * x_.k_bias.rotary_dim;
    const float* query = row(column);
    for (int64_t i = 0; i < count; ++i, query += stride_) {
      for (int64_t p = 0; p < pairs; ++p, turned += 2) {
        const int64_t f = features[p];
        const float cosine = entry[f], sine = entry[half + f];
        turned[0] = query[f] * cosine + query[half + f] * sine;
        turned[1] = query[half + f] * cosine - query[f] * sine;
      }
    }
  }

  const Attention& x_;
  const AttentionTile& tile_;
  TileBuffers& buffers_;
  const int64_t first_head_, heads_, stride_;
  float* rows_ = nullptr;  // [heads, tokens, stride]
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_QUERIES_INL_H_
