#include "t6/kernels/attention_tile.h"

#include <algorithm>
#include <cmath>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention_tile.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/factor_block-inl.h"
#include "t6/kernels/small_product-inl.h"
#include "t6/kernels/softmax_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Rows of logits that are worked on at once: with the block's values they stay in the first-level cache.
constexpr int64_t kChunkRows = 96;
// Heads worked on at once, at least: a register tile's rows.
constexpr int64_t kChunkHeads = kProductRows;

constexpr int64_t kLaneRoom = 16;  // floats for a vector's lanes of any target

inline int64_t whole_vectors(int64_t count) { return (count + kLaneRoom - 1) / kLaneRoom * kLaneRoom; }

class Tile {
 public:
  Tile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        plan_(plan),
        tile_(tile),
        buffers_(buffers),
        tokens_(tile.tokens),
        first_head_(tile.group * plan.group),
        heads_(tile.groups * plan.group),
        columns_(heads_ * tokens_),
        query_stride_(whole_vectors(x_.q.features)),
        output_stride_(whole_vectors(x_.v.features)),
        chunk_heads_(std::min(plan.group, std::max(kChunkHeads, kChunkRows / tokens_))),
        keys_(FactorBlock::Side::keys, x_.k, x_.k_shift, x_.heads, buffers.keys),
        values_(FactorBlock::Side::values, x_.v, x_.v_shift, x_.heads, buffers.values),
        logits_(buffers.logits.reserve(chunk_heads_ * tokens_ * kPageTokens)),
        lane_sums_(buffers.lane_sums.reserve(columns_ * kLaneRoom)) {}

  void sum(const SoftmaxState& whole) {
    if (plan_.keys == KeyOrder::factors) {
      gather_factors();
    } else {
      gather_queries();
    }
    const int64_t begin = tile_.key_begin, end = tile_.key_end;
    if (begin / kPartTokens == (end - 1) / kPartTokens) return sum_part(begin, end, whole);
    const SoftmaxState part = buffers_.part.reserve(columns_, output_stride_);
    for (int64_t first = begin; first < end; first += kPartTokens) {
      sum_part(first, std::min(end, first + kPartTokens), first == begin ? whole : part);
      if (first > begin) merge(part, whole);
    }
  }

 private:
  void merge(const SoftmaxState& from, const SoftmaxState& into) const {
    for (int64_t i = 0; i < columns_; ++i) merge_column(from, into, i, output_stride_);
  }

  void sum_part(int64_t begin, int64_t end, const SoftmaxState& whole) {
    const SoftmaxState section = buffers_.section.reserve(columns_, output_stride_);
    for (int64_t first = begin; first < end || first == begin; first += kSectionTokens) {
      sum_section(first, std::min(end, first + kSectionTokens), first == begin ? whole : section);
      if (first > begin) merge(section, whole);
    }
  }

  void sum_section(int64_t begin, int64_t end, const SoftmaxState& state) {
    const Floats d;
    state_ = state;
    std::fill_n(state.maximum, columns_, kNever);
    std::fill_n(state.output, columns_ * output_stride_, 0.0f);
    std::fill_n(lane_sums_, columns_ * kLaneRoom, 0.0f);
    for (int64_t first = begin; first < end; first += kPageTokens) {
      if (seen(0, first).empty() && seen(tokens_ - 1, first).empty()) continue;  // the window has left it
      attend_block(first, std::min(end - first, kPageTokens));
    }
    for (int64_t i = 0; i < columns_; ++i) {
      state.sum[i] = hn::GetLane(hn::SumOfLanes(d, hn::Load(d, lane_sums_ + i * kLaneRoom)));
    }
  }

  // What query t of the tile sees of the block that begins at key `first`.
  KeyRange seen(int64_t t, int64_t first) const {
    const int64_t position = x_.start + tile_.token + t;
    return {x_.window > 0 ? x_.sinks - first : 0, x_.window > 0 ? position + 1 - x_.window - first : 0,
            position + 1 - first};
  }

  void attend_block(int64_t first, int64_t count) {
    const bool more = first + kPageTokens < tile_.key_end;
    keys_.begin(first, count, more);
    values_.begin(first, count, more);
    for (int64_t head = first_head_; head < first_head_ + heads_; head += plan_.group) {
      keys_.select(head);
      values_.select(head);
      if (plan_.keys == KeyOrder::factors) multiply_factors();
      for (int64_t h = 0; h < plan_.group; h += chunk_heads_) {
        chunk_ = {head - first_head_, h, std::min(chunk_heads_, plan_.group - h)};
        score();
        soften(first);
        add_values(count);
      }
    }
  }

  // Logits become weights: in place, or, where values are factors, times each rank's head factors in weights_.
  void soften(int64_t first) {
    const bool spreads = values_.has_a() && plan_.values == ValueOrder::factors;
    const int64_t rows = chunk_.heads * tokens_, ranks = spreads ? values_.ranks() : 1;
    weights_ = spreads ? buffers_.weights.reserve(ranks * rows * kPageTokens) : logits_;
    head_factors_.resize(static_cast<size_t>(ranks));
    next_head_factors_.resize(static_cast<size_t>(ranks));
    SpreadWeights spread = {spreads ? head_factors_.data() : nullptr, next_head_factors_.data(), ranks, weights_,
                            rows * kPageTokens};
    for (int64_t h = 0, row = 0; h < chunk_.heads; ++h) {
      for (int64_t s = 0; spreads && s < ranks; ++s) {
        head_factors_[static_cast<size_t>(s)] = values_.a(s, chunk_.head + h);
        next_head_factors_[static_cast<size_t>(s)] = values_.next_a(s, chunk_.head + h);
      }
      for (int64_t t = 0; t < tokens_; ++t, ++row, spread.out += kPageTokens) {
        const int64_t column = chunk_column() + row;
        soften_row(logits_ + row * kPageTokens, seen(t, first), spread, state_.maximum[column],
                   lane_sums_ + column * kLaneRoom, state_.output + column * output_stride_, output_stride_);
      }
    }
  }

  // Queries as factors: rows (query, rank) of b, and a, scaled.
  void gather_factors() {
    const int64_t R = x_.q.rank, D = x_.q.features, H = x_.heads;
    queries_ = buffers_.queries.reserve(tokens_ * R * D);
    write_factor_rows(x_.q, tile_.token, tile_.token + tokens_, queries_);
    query_heads_ = buffers_.query_heads.reserve(tokens_ * R * H);
    write_head_rows(x_.q, H, tile_.token, tile_.token + tokens_, query_heads_);
    for (int64_t i = 0; i < tokens_ * R * H; ++i) query_heads_[i] *= x_.logit_scale;
  }

  // Dense queries, a row for each column, scaled.
  void gather_queries() {
    const int64_t R = x_.q.rank, D = x_.q.features, H = x_.heads;
    queries_ = buffers_.queries.reserve(columns_ * query_stride_);
    buffers_.query_rows.resize(static_cast<size_t>(R * D));
    float* rows = buffers_.query_rows.data();
    for (int64_t t = 0; t < tokens_; ++t) {
      write_factor_rows(x_.q, tile_.token + t, tile_.token + t + 1, rows);
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
                     .next_b = keys_.next_b(s),
                     .next_row = keys_.next_row()});
    }
  }

  // Logits of the chunk's heads, rows (head, query).
  void score() {
    switch (plan_.keys) {
      case KeyOrder::factors:
        return score_factors();
      case KeyOrder::dense:
        return score_dense();
      case KeyOrder::formed:
        return score_formed();
    }
  }

  void score_factors() {
    const int64_t R = x_.q.rank;
    for (int64_t t = 0; t < tokens_; ++t) {
      for (int64_t s = 0; s < keys_.ranks(); ++s) {
        small_product({.a = query_heads_ + t * R * x_.heads + first_head_ + chunk_.group_head + chunk_.head,
                       .a_row = 1,
                       .a_step = x_.heads,
                       .b = products_ + (s * tokens_ + t) * R * kPageTokens,
                       .b_row = kPageTokens,
                       .scale = keys_.has_a() ? keys_.a(s, chunk_.head) : nullptr,
                       .scale_row = kPageTokens,
                       .c = logits_ + t * kPageTokens,
                       .c_row = tokens_ * kPageTokens,
                       .M = chunk_.heads,
                       .N = kPageTokens,
                       .K = R,
                       .accumulate = s > 0,
                       .next_scale = keys_.next_a(s, chunk_.head)});
      }
    }
  }

  // Rows of queries of one or all of the chunk's heads times a block's keys.
  SmallProduct query_product(int64_t head, int64_t heads, const float* keys) const {
    return {.a = queries_ + (chunk_column() + head * tokens_) * query_stride_,
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
      product.next_b = keys_.next_b(0);
      product.next_row = keys_.next_row();
      return small_product(product);
    }
    // A head's factors are the same for all its queries; heads of a single query are rows that follow each other.
    const int64_t step = tokens_ == 1 ? chunk_.heads : 1;
    for (int64_t h = 0; h < chunk_.heads; h += step) {
      for (int64_t s = 0; s < keys_.ranks(); ++s) {
        SmallProduct product = query_product(h, step, keys_.b(s));
        product.scale = keys_.a(s, chunk_.head + h);
        product.scale_row = tokens_ == 1 ? kPageTokens : 0;
        product.accumulate = s > 0;
        small_product(product);
      }
    }
  }

  void score_formed() {
    const Floats d;
    const int64_t count = x_.k.features * kPageTokens;
    float* formed = buffers_.formed.reserve(count);
    for (int64_t h = 0; h < chunk_.heads; ++h) {
      for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d))) {
        const int64_t lane = i % kPageTokens;
        Vector sum = hn::Mul(hn::LoadU(d, keys_.a(0, chunk_.head + h) + lane), hn::LoadU(d, keys_.b(0) + i));
        for (int64_t s = 1; s < keys_.ranks(); ++s) {
          sum = hn::MulAdd(hn::LoadU(d, keys_.a(s, chunk_.head + h) + lane), hn::LoadU(d, keys_.b(s) + i), sum);
        }
        hn::Store(sum, d, formed + i);
      }
      small_product(query_product(h, 1, formed));
    }
  }

  // The chunk's rows [row, row + rows) of weights times values, [count, E], onto the outputs.
  void multiply_values(const float* weights, int64_t row, int64_t rows, const float* values, const std::byte* next,
                       int64_t stride, int64_t count) {
    small_product({.a = weights,
                   .a_row = kPageTokens,
                   .a_step = 1,
                   .b = values,
                   .b_row = stride,
                   .c = state_.output + (chunk_column() + row) * output_stride_,
                   .c_row = output_stride_,
                   .M = rows,
                   .N = x_.v.features,
                   .K = count,
                   .accumulate = true,
                   .next_b = next,
                   .next_row = values_.next_row()});
  }

  void add_values(int64_t count) {
    if (values_.has_a() && plan_.values == ValueOrder::formed) return add_formed_values(count);
    const int64_t rows = chunk_.heads * tokens_;
    for (int64_t s = 0; s < values_.ranks(); ++s) {
      multiply_values(weights_ + s * rows * kPageTokens, 0, rows, values_.b(s), values_.next_b(s), values_.b_row(),
                      count);
    }
  }

  void add_formed_values(int64_t count) {
    float* formed = buffers_.formed.reserve(kPageTokens * output_stride_);
    for (int64_t h = 0; h < chunk_.heads; ++h) {
      form_values(chunk_.head + h, count, formed);
      const int64_t row = h * tokens_;
      multiply_values(logits_ + row * kPageTokens, row, tokens_, formed, nullptr, output_stride_, count);
    }
  }

  // sum_s a_s b_s of one head, [count, output_stride].
  void form_values(int64_t head, int64_t count, float* formed) const {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t E = x_.v.features;
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t e = 0; e < E; e += lanes) {
        Vector sum = hn::Zero(d);
        for (int64_t s = 0; s < values_.ranks(); ++s) {
          const float* b = values_.b(s) + k * values_.b_row() + e;
          const Vector row = E - e >= lanes ? hn::LoadU(d, b) : load_first(d, b, static_cast<size_t>(E - e));
          sum = hn::MulAdd(hn::Set(d, values_.a(s, head)[k]), row, sum);
        }
        hn::Store(sum, d, formed + k * output_stride_ + e);
      }
    }
  }

  // Heads of one group: `head` counts from the group's first, `group_head` is that one, from the tile's first.
  struct Chunk {
    int64_t group_head = 0, head = 0, heads = 0;
  };
  int64_t chunk_column() const { return (chunk_.group_head + chunk_.head) * tokens_; }

  const Attention& x_;
  const AttentionPlan& plan_;
  const AttentionTile& tile_;
  TileBuffers& buffers_;
  const int64_t tokens_, first_head_, heads_, columns_, query_stride_, output_stride_, chunk_heads_;
  FactorBlock keys_, values_;
  float* queries_ = nullptr;                                    // [columns, query_stride], or [tokens, R_Q, D]
  float* query_heads_ = nullptr;                                // [tokens, R_Q, H]
  float* products_ = nullptr;                                   // [R_K, tokens, R_Q, 64]
  float* logits_;                                               // [chunk heads, tokens, 64], then weights
  float* weights_ = nullptr;                                    // [R_V, chunk heads, tokens, 64], or logits_
  float* lane_sums_;                                            // [columns, 16]
  std::vector<const float*> head_factors_, next_head_factors_;  // [R_V], of a head's values
  SoftmaxState state_;
  Chunk chunk_;
};

void sum_tile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers,
              const SoftmaxState& state) {
  Tile(arguments, plan, tile, buffers).sum(state);
}

void merge_columns(const SoftmaxState& from, const SoftmaxState& into, int64_t stride, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) merge_column(from, into, i, stride);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(sum_tile);
HWY_EXPORT(merge_columns);

void sum_tile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers,
              const SoftmaxState& state) {
  HWY_DYNAMIC_DISPATCH(sum_tile)(arguments, plan, tile, buffers, state);
}

void merge_columns(const SoftmaxState& from, const SoftmaxState& into, int64_t stride, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(merge_columns)(from, into, stride, begin, end);
}

int64_t tile_columns(const AttentionPlan& plan, const AttentionTile& tile) {
  return tile.groups * plan.group * tile.tokens;
}

int64_t tile_output_stride(const Attention& x) { return (x.v.features + 15) / 16 * 16; }

void finish_columns(const Attention& x, const AttentionPlan& plan, const AttentionTile& tile, const SoftmaxState& state,
                    int64_t begin, int64_t end) {
  const int64_t E = x.v.features, stride = tile_output_stride(x);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t t = tile.token + i % tile.tokens, h = tile.group * plan.group + i / tile.tokens;
    const bool nothing = state.sum[i] == 0;  // no key at all
    const float factor = nothing ? 0 : x.value_scale / state.sum[i];
    const float* from = state.output + i * stride;
    float* to = x.out + (t * x.heads + h) * E;
    for (int64_t e = 0; e < E; ++e) to[e] = from[e] * factor;
    if (x.lse) x.lse[t * x.heads + h] = state.maximum[i] + std::log(state.sum[i]);
  }
}

}  // namespace t6
#endif  // HWY_ONCE
