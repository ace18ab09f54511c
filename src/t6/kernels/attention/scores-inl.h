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
#include "t6/kernels/attention/small_bfloat_product.h"
#include "t6/kernels/attention/small_product-inl.h"
#include "t6/kernels/attention/tile.h"
#include "t6/kernels/linear/matrix_tiles.h"

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
        heads_(tile.groups * plan.group),
        query_stride_(padded_row(x_.q.features)),
        keys_(FactorBlock::Side::keys, x_.k, x_.k_shift, x_.heads,
              plan.keys == KeyOrder::materialized || (plan.many_rows && !plan.bfloats), buffers.keys),
        head_rows_(plan.keys == KeyOrder::factors && keys_.a_row() > 0 && keys_.ranks() <= kPairRanks &&
                   (!x_.k.pages || plan.many_rows)) {
    if (plan_.keys == KeyOrder::factors) {
      gather_factors();
    } else {
      gather_queries();
    }
    if (plan_.bfloats) round_queries();
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
    if (plan_.bfloats && plan_.keys == KeyOrder::dense) round_keys(keys_.b(0));
  }

  // Logits of the chunk's heads, rows (head, query) of 64.
  void score(const Chunk& chunk, float* logits) {
    chunk_ = chunk;
    logits_ = logits;
    if (plan_.bfloats) {
      score_bfloats();
      return add_held_bias();
    }
    switch (plan_.keys) {
      case KeyOrder::factors:
        return score_factors();
      case KeyOrder::dense:
        score_dense();
        return add_held_bias();
      case KeyOrder::materialized:
        return score_materialized();
    }
  }

 private:
  // Queries as factors: rows (query, rank) of b, and a, scaled.
  void gather_factors() {
    const int64_t R = x_.q.rank, D = x_.q.features, H = x_.heads;
    queries_ = buffers_.queries.reserve(tokens_ * R * D);
    write_factor_rows(x_.q, tile_.token, tile_.token + tokens_, buffers_.rows, queries_);
    query_heads_ = buffers_.query_heads.reserve(tokens_ * R * H);
    write_head_rows(x_.q, H, tile_.token, tile_.token + tokens_, query_heads_);
    for (int64_t i = 0; i < tokens_ * R * H; ++i) query_heads_[i] *= x_.logit_scale;
  }

  // Dense queries, a row for each column, scaled.
  void gather_queries() {
    const int64_t R = x_.q.rank, D = x_.q.features, H = x_.heads;
    queries_ = buffers_.queries.reserve(heads_ * tokens_ * query_stride_);
    buffers_.query_rows.resize(static_cast<size_t>(R * D));
    float* rows = buffers_.query_rows.data();
    for (int64_t t = 0; t < tokens_; ++t) {
      write_factor_rows(x_.q, tile_.token + t, tile_.token + t + 1, buffers_.rows, rows);
      if (x_.q.has_a()) {
        small_product({.a = x_.q.a + (tile_.token + t) * x_.q.a_stride + first_head_,
                       .a_row = 1,
                       .a_step = H,
                       .b = rows,
                       .b_row = D,
                       .c = queries_ + t * query_stride_,
                       .c_row = tokens_ * query_stride_,
                       .M = heads_,
                       .N = D,
                       .K = R});
      }
      for (int64_t h = 0; h < heads_; ++h) {
        float* query = queries_ + (h * tokens_ + t) * query_stride_;
        if (!x_.q.has_a()) std::copy_n(rows + (first_head_ + h) * R / H * D, D, query);
        for (int64_t i = 0; i < D; ++i) query[i] *= x_.logit_scale;
      }
    }
  }

  // The dense queries once more, with zeros up to whole steps along K.
  void round_queries() {
    const int64_t rows = heads_ * tokens_;
    bfloat_queries_ = reinterpret_cast<uint16_t*>(
        buffers_.bfloat_queries.reserve(round_up(rows, kBfloatRows) * bfloat_features_ / 2));
    for (int64_t row = 0; row < rows; ++row) {
      uint16_t* to = bfloat_queries_ + row * bfloat_features_;
      const float* query = queries_ + row * query_stride_;
      for (int64_t i = 0; i < x_.q.features; i += kLanes) {
        store_bfloats_up_to(hn::LoadU(Floats(), query + i), to + i, x_.q.features - i);
      }
      std::fill(to + x_.q.features, to + bfloat_features_, uint16_t{0});
    }
  }

  // The block's keys of a head, or of all that share them, [features, 64], in pairs of features.
  void round_keys(const StoredValues& keys) {
    const int64_t pairs = bfloat_features_ / 2;
    bfloat_keys_ = reinterpret_cast<uint32_t*>(buffers_.bfloat_keys.reserve(pairs * kPageTokens));
    write_bfloat_pairs(keys, kPageTokens, x_.k.features, kPageTokens, pairs, bfloat_keys_, kPageTokens);
  }

  void score_rounded(int64_t head, int64_t heads) const {
    const int64_t row = (chunk_.group_head + chunk_.head + head) * tokens_;
    small_bfloat_product({.a = bfloat_queries_ + row * bfloat_features_,
                          .a_row = bfloat_features_,
                          .b = bfloat_keys_,
                          .b_row = kPageTokens,
                          .c = logits_ + head * tokens_ * kPageTokens,
                          .c_row = kPageTokens,
                          .M = heads * tokens_,
                          .N = kPageTokens,
                          .K = bfloat_features_},
                         matrix_tiles_);
  }

  void score_bfloats() {
    if (plan_.keys == KeyOrder::dense) {
      score_rounded(0, chunk_.heads);
      if (keys_.has_a()) scale_logits(reinterpret_cast<const float*>(keys_.a(0, 0).at));
      return;
    }
    float* materialized = buffers_.materialized.reserve(x_.k.features * kPageTokens);
    for (int64_t h = 0; h < chunk_.heads; ++h) {
      materialize(chunk_.head + h, materialized);
      round_keys(materialized);
      score_rounded(h, 1);
    }
  }

  // By what the keys of a type with scales lack, [64].
  void scale_logits(const float* scales) const {
    const Floats d;
    const int64_t count = chunk_.heads * tokens_ * kPageTokens;
    for (int64_t t = 0; t < kPageTokens; t += kLanes) {
      const Vector scale = hn::LoadU(d, scales + t);
      for (int64_t i = t; i < count; i += kPageTokens) {
        hn::Store(hn::Mul(hn::Load(d, logits_ + i), scale), d, logits_ + i);
      }
    }
  }

  // P of (A.2) for the block: [key rank, query, query rank, 64].
  void multiply_factors() {
    const int64_t rows = tokens_ * x_.q.rank;
    products_ = buffers_.products.reserve(keys_.ranks() * rows * kPageTokens);
    for (int64_t s = 0; s < keys_.ranks(); ++s) {
      small_product({.a = queries_,
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

  // Rows of queries of one or all of the chunk's heads times a block's keys.
  SmallProduct query_product(int64_t head, int64_t heads, const StoredValues& keys) const {
    return {.a = queries_ + ((chunk_.group_head + chunk_.head) * tokens_ + head * tokens_) * query_stride_,
            .a_row = query_stride_,
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

  // What the keys lack. <q, R_(p + t) b> is <R_-p q, R_t b>: queries are turned back by the block's position, and R_t b
  // is the same in every block.
  void add_held_bias() {
    if (!x_.k_bias.first) return;
    const int64_t begin = x_.k_bias.first[rank_], pairs = x_.k_bias.first[rank_ + 1] - begin;
    if (pairs == 0) return;
    const int64_t rows = chunk_.heads * tokens_;
    float* turned = buffers_.turned.reserve(rows * 2 * pairs);
    turn_back(x_.k_bias.features + begin, pairs, rows, turned);
    small_product({.a = turned,
                   .a_row = 2 * pairs,
                   .a_step = 1,
                   .b = x_.k_bias.rows + begin * 2 * kPageTokens,
                   .b_row = kPageTokens,
                   .c = logits_,
                   .c_row = kPageTokens,
                   .M = rows,
                   .N = kPageTokens,
                   .K = 2 * pairs,
                   .accumulate = true});
  }

  // The pairs of the chunk's queries, [rows, pairs, 2].
  void turn_back(const int32_t* features, int64_t pairs, int64_t rows, float* turned) const {
    const int64_t half = x_.k_bias.rotary_dim / 2;
    const float* entry = x_.k_bias.rotary + block_ * x_.k_bias.rotary_dim;
    const float* query = queries_ + (chunk_.group_head + chunk_.head) * tokens_ * query_stride_;
    for (int64_t row = 0; row < rows; ++row, query += query_stride_) {
      for (int64_t p = 0; p < pairs; ++p, turned += 2) {
        const int64_t i = features[p];
        const float cosine = entry[i], sine = entry[half + i];
        turned[0] = query[i] * cosine + query[half + i] * sine;
        turned[1] = query[half + i] * cosine - query[i] * sine;
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
  const int64_t tokens_, first_head_, heads_, query_stride_;
  const int64_t bfloat_features_ = round_up(x_.q.features, kBfloatRows);
  const bool matrix_tiles_ = has_matrix_tiles();
  FactorBlock keys_;
  const bool head_rows_;                // head factors are rows of floats: all key ranks at once
  int64_t block_ = 0;                   // its first token
  int64_t rank_ = 0;                    // the first of the selected group's keys
  float* queries_ = nullptr;            // [heads, tokens, query_stride], or [tokens, R_Q, D]
  uint16_t* bfloat_queries_ = nullptr;  // [heads, tokens, bfloat_features]
  uint32_t* bfloat_keys_ = nullptr;     // [bfloat_features / 2, 64]
  float* query_heads_ = nullptr;        // [tokens, R_Q, H]
  float* products_ = nullptr;           // [R_K, tokens, R_Q, 64]
  float* logits_ = nullptr;             // [chunk heads, tokens, 64]
  Chunk chunk_;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_SCORES_INL_H_
