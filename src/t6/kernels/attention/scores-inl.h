// The logits of a tile: its queries, gathered once, times blocks of keys, in the order that the plan chose.

#if defined(T6_KERNELS_ATTENTION_SCORES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_SCORES_INL_H_
#undef T6_KERNELS_ATTENTION_SCORES_INL_H_
#else
#define T6_KERNELS_ATTENTION_SCORES_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "t6/kernels/attention/factor_block-inl.h"
#include "t6/kernels/attention/pair_logits-inl.h"
#include "t6/kernels/attention/queries-inl.h"
#include "t6/kernels/attention/small_product-inl.h"
#include "t6/kernels/attention/tile.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Heads that are worked on at once: `group_head` is their group's first, from the tile's first; `head` counts from
// there.
struct Chunk {
  int64_t group_head = 0, head = 0, heads = 0;
};

class Scores {
 public:
  Scores(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        plan_(plan),
        tile_(tile),
        buffers_(buffers),
        tokens_(tile.tokens),
        first_head_(tile.group * plan.group),
        queries_(arguments, plan, tile, buffers),
        keys_(FactorBlock::Side::keys, x_.k, x_.k_shift, x_.heads,
              plan.keys == KeyOrder::materialized || plan.many_rows, buffers.keys),
        head_rows_(plan.keys == KeyOrder::factors && keys_.a_row() > 0 && keys_.ranks() <= kPairRanks &&
                   (!x_.k.pages || plan.many_rows)) {
    if (plan_.keys == KeyOrder::factors) {
      gather_factors();
    } else {
      queries_.gather();
    }
  }

  void begin_block(int64_t first, int64_t count, int64_t end) {
    block_ = first;
    keys_.begin(first, count, end);
  }
  // The group of heads that begins at `head`.
  void select_group(int64_t head) {
    keys_.select(head);
    rank_ = head * x_.k.rank / x_.heads;
    if (plan_.keys == KeyOrder::factors) multiply_factors();
  }

  // Logits of the chunk's heads, rows (head, query) of 64.
  void score(const Chunk& chunk, float* logits) {
    chunk_ = chunk;
    logits_ = logits;
    switch (plan_.keys) {
      case KeyOrder::factors:
        return score_factors();
      case KeyOrder::dense:
        score_dense();
        return queries_.add_held_bias(column(), chunk_.heads * tokens_, rank_, block_, logits_, kPageTokens);
      case KeyOrder::materialized:
        return score_materialized();
    }
  }

 private:
  // Queries as factors: rows (query, rank) of b, and a, scaled.
  void gather_factors() {
    const int64_t R = x_.q.rank, D = x_.q.features, H = x_.heads;
    query_factors_ = buffers_.queries.reserve(tokens_ * R * D);
    write_factor_rows(x_.q, tile_.token, tile_.token + tokens_, buffers_.rows, query_factors_);
    query_heads_ = buffers_.query_heads.reserve(tokens_ * R * H);
    write_head_rows(x_.q, H, tile_.token, tile_.token + tokens_, query_heads_);
    for (int64_t i = 0; i < tokens_ * R * H; ++i) query_heads_[i] *= x_.logit_scale;
  }

  // P of (A.2) for the block: [key rank, query, query rank, 64].
  void multiply_factors() {
    const int64_t rows = tokens_ * x_.q.rank;
    products_ = buffers_.products.reserve(keys_.ranks() * rows * kPageTokens);
    for (int64_t s = 0; s < keys_.ranks(); ++s) {
      small_product({.a = query_factors_,
                     .a_row = x_.q.features,
                     .a_step = 1,
                     .b = keys_.b(s),
                     .b_row = kPageTokens,
                     .c = products_ + s * rows * kPageTokens,
                     .c_row = kPageTokens,
                     .M = rows,
                     .N = kPageTokens,
                     .K = x_.q.features,
                     .next_b = keys_.next_b(s)});
    }
  }

  // Of all key ranks at once; rows as they are stored are multiplied and fetched one rank after the other.
  void score_head_rows() {
    const int64_t R = x_.q.rank;
    const float* key_heads[kPairRanks];
    for (int64_t s = 0; s < keys_.ranks(); ++s) {
      key_heads[s] = reinterpret_cast<const float*>(keys_.a(s, chunk_.head).at);
    }
    for (int64_t t = 0; t < tokens_; ++t) {
      write_pair_logits({.query_heads = query_heads_ + t * R * x_.heads + first_head_ + chunk_.group_head + chunk_.head,
                         .query_step = x_.heads,
                         .pairs = products_ + t * R * kPageTokens,
                         .pairs_step = tokens_ * R * kPageTokens,
                         .key_heads = key_heads,
                         .logits = logits_ + t * kPageTokens,
                         .logits_row = tokens_ * kPageTokens,
                         .heads = chunk_.heads,
                         .query_ranks = R},
                        keys_.ranks());
    }
  }

  void score_factors() {
    if (head_rows_) return score_head_rows();
    const int64_t R = x_.q.rank;
    for (int64_t t = 0; t < tokens_; ++t) {
      for (int64_t s = 0; s < keys_.ranks(); ++s) {
        small_product({.a = query_heads_ + t * R * x_.heads + first_head_ + chunk_.group_head + chunk_.head,
                       .a_row = 1,
                       .a_step = x_.heads,
                       .b = products_ + (s * tokens_ + t) * R * kPageTokens,
                       .b_row = kPageTokens,
                       .scale = keys_.has_a() ? keys_.a(s, chunk_.head) : nullptr,
                       .scale_row = keys_.a_row(),
                       .c = logits_ + t * kPageTokens,
                       .c_row = tokens_ * kPageTokens,
                       .M = chunk_.heads,
                       .N = kPageTokens,
                       .K = R,
                       .accumulate = s > 0,
                       .next_scale = keys_.next_a(s, chunk_.head).at});
      }
    }
  }

  int64_t column() const { return (chunk_.group_head + chunk_.head) * tokens_; }

  // Rows of queries of one or all of the chunk's heads times a block's keys.
  SmallProduct query_product(int64_t head, int64_t heads, const StoredValues& keys) const {
    return {.a = queries_.row(column() + head * tokens_),
            .a_row = queries_.stride(),
            .a_step = 1,
            .b = keys,
            .b_row = kPageTokens,
            .c = logits_ + head * tokens_ * kPageTokens,
            .c_row = kPageTokens,
            .M = heads * tokens_,
            .N = kPageTokens,
            .K = x_.q.features};
  }

  void score_dense() {
    if (!keys_.has_a()) {
      SmallProduct product = query_product(0, chunk_.heads, keys_.b(0));
      if (chunk_.head == 0) product.next_b = keys_.next_b(0);
      return small_product(product);
    }
    // A head's factors are the same for all its queries; heads of a single query are rows that follow each other.
    const bool shared = keys_.a_row() == 0;  // and of all heads
    const int64_t step = tokens_ == 1 || shared ? chunk_.heads : 1;
    for (int64_t h = 0; h < chunk_.heads; h += step) {
      for (int64_t s = 0; s < keys_.ranks(); ++s) {
        SmallProduct product = query_product(h, step, keys_.b(s));
        product.scale = keys_.a(s, chunk_.head + h);
        product.scale_row = tokens_ == 1 ? keys_.a_row() : 0;
        product.accumulate = s > 0;
        if (chunk_.head + h == 0) product.next_b = keys_.next_b(s);
        small_product(product);
      }
    }
  }

  void score_materialized() {
    float* materialized = buffers_.materialized.reserve(x_.k.features * kPageTokens);
    for (int64_t h = 0; h < chunk_.heads; ++h) {
      materialize(chunk_.head + h, materialized);
      float_product(query_product(h, 1, materialized));
    }
  }

  // sum_s a_s b_s of one head, [features, 64]: tokens of a vector at a time, so that their head factors stay in
  // registers.
  void materialize(int64_t head, float* materialized) const {
    const Floats d;
    const float* a = keys_.head_rows(head);
    const int64_t ranks = keys_.ranks(), count = x_.k.features * kPageTokens;
    for (int64_t t = 0; t < kPageTokens; t += kLanes) {
      for (int64_t s = 0; s < ranks; s += 2) {
        const bool pair = s + 1 < ranks;
        const Vector first = hn::LoadU(d, a + s * kPageTokens + t);
        const Vector second = pair ? hn::LoadU(d, a + (s + 1) * kPageTokens + t) : hn::Zero(d);
        const float *b = keys_.feature_rows(s), *b_second = pair ? keys_.feature_rows(s + 1) : b;
        for (int64_t i = t; i < count; i += kPageTokens) {
          const Vector sum =
              hn::MulAdd(first, hn::LoadU(d, b + i), s > 0 ? hn::Load(d, materialized + i) : hn::Zero(d));
          hn::Store(hn::MulAdd(second, hn::LoadU(d, b_second + i), sum), d, materialized + i);
        }
      }
    }
  }

  const Attention& x_;
  const AttentionPlan& plan_;
  const AttentionTile& tile_;
  TileBuffers& buffers_;
  const int64_t tokens_, first_head_;
  Queries queries_;
  FactorBlock keys_;
  const bool head_rows_;            // head factors are rows of floats: all key ranks at once
  int64_t block_ = 0;               // its first token
  int64_t rank_ = 0;                // the first of the selected group's keys
  float* query_factors_ = nullptr;  // [tokens, R_Q, D]
  float* query_heads_ = nullptr;    // [tokens, R_Q, H]
  float* products_ = nullptr;       // [R_K, tokens, R_Q, 64]
  float* logits_ = nullptr;         // [chunk heads, tokens, 64]
  Chunk chunk_;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_SCORES_INL_H_
