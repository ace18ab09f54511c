#include "t6/kernels/attention/backward_block.h"

#include <algorithm>

#include "t6/core/rounding.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention/backward_block.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/attention/head_factors-inl.h"
#include "t6/kernels/attention/row_products-inl.h"
#include "t6/kernels/attention/small_product-inl.h"
#include "t6/kernels/simd/exp-inl.h"
#include "t6/kernels/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr int64_t kKeys = kPageTokens;  // of a block
// Queries and heads that are worked on at once, multiples of the small product's rows: what belongs to so many heads of
// one query stays in the first-level cache, and what belongs to all these queries in the second.
constexpr int64_t kQueries = 6 * kProductRows;
constexpr int64_t kHeads = 3 * kProductRows;

class BlockBackward {
 public:
  BlockBackward(const AttentionBackward& arguments, int64_t block, const OutputGradients& given, const QuerySums& sums,
                BlockBackwardBuffers& buffers)
      : p_(arguments),
        x_(arguments.forward),
        given_(given),
        sums_(sums),
        first_key_(block * kKeys),
        block_keys_(std::min(kKeys, x_.start + x_.T - first_key_)),
        heads_(x_.heads),
        query_ranks_(x_.q.rank),
        key_ranks_(x_.k.rank),
        d_(round_up(x_.k.features, kLanes)),
        e_(padded_row(x_.v.features)),
        keys_across_(buffers.keys_across.reserve(key_ranks_ * x_.k.features * kKeys)),
        key_heads_(buffers.key_heads.reserve(key_ranks_ * heads_ * kKeys)),
        values_across_(buffers.values_across.reserve(x_.v.rank * x_.v.features * kKeys)),
        value_heads_(buffers.value_heads.reserve(x_.v.rank * heads_ * kKeys)),
        values_(buffers.values.reserve(heads_ * x_.v.features * kKeys)),
        key_feature_gradients_(buffers.key_feature_gradients.reserve(key_ranks_ * kKeys * d_)),
        key_head_gradients_(buffers.key_head_gradients.reserve(key_ranks_ * heads_ * kKeys)),
        value_gradients_(buffers.value_gradients.reserve(heads_ * kKeys * e_)),
        queries_(buffers.queries.reserve(kQueries * query_ranks_ * d_)),
        query_heads_(buffers.query_heads.reserve(kQueries * query_ranks_ * heads_ + kLaneRoom)),
        pairs_(buffers.pairs.reserve(key_ranks_ * kQueries * query_ranks_ * kKeys)),
        pair_gradients_(buffers.pair_gradients.reserve(key_ranks_ * kQueries * query_ranks_ * kKeys)),
        logits_(buffers.logits.reserve(key_ranks_ * kHeads * kKeys)),
        weights_(buffers.weights.reserve(kQueries * kRow)) {}

  void run() {
    load_keys();
    load_values();
    for (first_ = 0; first_ < x_.T; first_ += kQueries) {
      count_ = std::min(kQueries, x_.T - first_);
      seen_keys_ = std::min(block_keys_, x_.start + first_ + count_ - first_key_);
      if (seen_keys_ <= 0 || out_of_window()) continue;
      columns_ = round_up(seen_keys_, kLanes);
      load_queries();
      multiply_pairs();
      for (head_ = 0; head_ < heads_; head_ += kHeads) {
        head_count_ = std::min(kHeads, heads_ - head_);
        multiply_values();
        for (int64_t t = 0; t < count_; ++t) differentiate_query(t);
        add_value_gradients();
      }
      add_feature_gradients();
    }
    write_key_gradients();
    write_value_gradients();
  }

 private:
  // From a query's weights to the next one's: a line more than they take, so that not all lie in one set of the cache.
  static constexpr int64_t kRow = kHeads * kKeys + kLaneRoom;

  // No query of [first, first + count) sees a key of the block but for the sinks.
  bool out_of_window() const {
    return x_.window > 0 && first_key_ >= x_.sinks && first_key_ + block_keys_ <= x_.start + first_ + 1 - x_.window;
  }

  // Factors of a view's tokens of the block, in the lanes: features [R, features, 64], heads [R, H, 64].
  void turn_factors(const FactorView& view, float* features, float* heads) const {
    for (int64_t r = 0; r < view.rank; ++r) {
      transpose_rows(view.b + first_key_ * view.b_stride + r * view.features, view.b_stride, block_keys_, view.features,
                     features + r * view.features * kKeys, kKeys);
    }
    if (view.a) {
      transpose_rows(view.a + first_key_ * view.a_stride, view.a_stride, block_keys_, view.rank * heads_, heads, kKeys);
    }
  }

  void load_keys() {
    turn_factors(x_.k, keys_across_, key_heads_);
    std::fill_n(key_feature_gradients_, key_ranks_ * kKeys * d_, 0.0f);
    std::fill_n(key_head_gradients_, key_ranks_ * heads_ * kKeys, 0.0f);
  }

  // The values of each head, [H, E, 64].
  void load_values() {
    const Floats d;
    turn_factors(x_.v, values_across_, value_heads_);
    const int64_t count = x_.v.features * kKeys;
    for (int64_t h = 0; h < heads_; ++h) {
      const HeadFactors factors(x_.v, heads_, h);
      float* values = values_ + h * count;
      for (int64_t r = factors.first(); r < factors.last(); ++r) {
        const float *b = values_across_ + r * count, *a = value_heads_ + (r * heads_ + h) * kKeys;
        for (int64_t s = 0; s < round_up(block_keys_, kLanes); s += kLanes) {
          const Vector head = x_.v.a ? hn::Load(d, a + s) : hn::Set(d, 1.0f);
          for (int64_t i = s; i < count; i += kKeys) {
            const Vector before = r > factors.first() ? hn::Load(d, values + i) : hn::Zero(d);
            hn::Store(hn::MulAdd(head, hn::Load(d, b + i), before), d, values + i);
          }
        }
      }
    }
    std::fill_n(value_gradients_, heads_ * kKeys * e_, 0.0f);
  }

  static void copy_times(float scale, const float* from, int64_t width, float* to) {
    const Floats d;
    const Vector by = hn::Set(d, scale);
    for (int64_t i = 0; i < width; i += kLanes) {
      hn::StoreU(hn::Mul(load_up_to(d, from + i, width - i), by), d, to + i);
    }
  }

  // The queries' factors, those of heads times logit_scale.
  void load_queries() {
    const int64_t D = x_.q.features, heads = query_ranks_ * heads_;
    for (int64_t t = 0; t < count_; ++t) {
      const float* features = x_.q.b + (first_ + t) * x_.q.b_stride;
      for (int64_t r = 0; r < query_ranks_; ++r) {
        copy_times(1, features + r * D, D, queries_ + (t * query_ranks_ + r) * d_);
      }
      copy_times(x_.logit_scale, x_.q.a + (first_ + t) * x_.q.a_stride, heads, query_heads_ + t * heads);
    }
  }

  // The queries' output gradients of one of the heads.
  const float* output_gradients(int64_t h) const { return given_.rows + ((head_ + h) * x_.T + first_) * e_; }

  // <b_q, b_k> of all pairs of ranks, [R_K, queries, R_Q, 64].
  void multiply_pairs() {
    for (int64_t s = 0; s < key_ranks_; ++s) {
      float_product({.a = queries_,
                     .a_row = d_,
                     .a_step = 1,
                     .b = keys_across_ + s * x_.k.features * kKeys,
                     .b_row = kKeys,
                     .c = pairs(s, 0),
                     .c_row = kKeys,
                     .M = count_ * query_ranks_,
                     .N = columns_,
                     .K = x_.k.features});
    }
  }
  float* pairs(int64_t s, int64_t t) const { return pairs_ + (s * kQueries + t) * query_ranks_ * kKeys; }
  float* pair_gradients(int64_t s, int64_t t) const {
    return pair_gradients_ + (s * kQueries + t) * query_ranks_ * kKeys;
  }

  // The gradients of the weights, rows (query, head) of 64.
  void multiply_values() {
    for (int64_t h = 0; h < head_count_; ++h) {
      float_product({.a = output_gradients(h),
                     .a_row = e_,
                     .a_step = 1,
                     .b = values_ + (head_ + h) * x_.v.features * kKeys,
                     .b_row = kKeys,
                     .c = weights_ + h * kKeys,
                     .c_row = kRow,
                     .M = count_,
                     .N = columns_,
                     .K = x_.v.features});
    }
  }

  // Makes weights of the heads, and adds a query's part to the gradients of the factors of logits.
  void differentiate_query(int64_t t) {
    const float* query_heads = query_heads_ + t * query_ranks_ * heads_ + head_;
    for (int64_t s = 0; s < key_ranks_; ++s) {
      float_product({.a = query_heads,
                     .a_row = 1,
                     .a_step = heads_,
                     .b = pairs(s, t),
                     .b_row = kKeys,
                     .c = logits_ + s * kHeads * kKeys,
                     .c_row = kKeys,
                     .M = head_count_,
                     .N = columns_,
                     .K = query_ranks_});
    }
    differentiate_softmax(t);
    for (int64_t s = 0; s < key_ranks_; ++s) {
      float_product({.a = query_heads,
                     .a_row = heads_,
                     .a_step = 1,
                     .b = logits_ + s * kHeads * kKeys,
                     .b_row = kKeys,
                     .c = pair_gradients(s, t),
                     .c_row = kKeys,
                     .M = query_ranks_,
                     .N = columns_,
                     .K = head_count_,
                     .accumulate = head_ > 0});
    }
    add_row_products({.a = logits_,
                      .a_part = kHeads * kKeys,
                      .a_row = kKeys,
                      .b = pairs(0, t),
                      .b_part = kQueries * query_ranks_ * kKeys,
                      .b_row = kKeys,
                      .c = sums_.a + ((first_ + t) * heads_ + head_) * query_ranks_,
                      .M = head_count_,
                      .N = query_ranks_,
                      .K = columns_,
                      .parts = key_ranks_});
  }

  // From the gradients of the query's weights to the weights, in place, and to the logits' gradients times the keys'
  // head factors.
  void differentiate_softmax(int64_t t) {
    const int64_t position = x_.start + first_ + t - first_key_;  // in the block
    const int64_t begin = x_.window > 0 ? position + 1 - x_.window : 0;
    if (position >= columns_ - 1 && begin <= 0) {
      differentiate_ranks(t, [](Vector weight, int64_t) HWY_ATTR { return weight; });
    } else {
      const Floats d;
      const Vector last = hn::Set(d, static_cast<float>(position)), first = hn::Set(d, static_cast<float>(begin));
      const Vector sinks = hn::Set(d, static_cast<float>(x_.window > 0 ? x_.sinks - first_key_ : 0));
      differentiate_ranks(t, [&](Vector weight, int64_t i) HWY_ATTR {
        const Vector key = hn::Iota(d, static_cast<float>(i));
        const auto seen = hn::And(hn::Le(key, last), hn::Or(hn::Ge(key, first), hn::Lt(key, sinks)));
        return hn::IfThenElseZero(seen, weight);
      });
    }
  }

  // only_seen(weights, key): 0 where the query does not see the keys from this one on.
  template <typename OnlySeen>
  void differentiate_ranks(int64_t t, const OnlySeen& only_seen) {
    static_assert(kBlockKeyRanks == 4);
    switch (key_ranks_) {
      case 1:
        return differentiate_heads<1>(t, only_seen);
      case 2:
        return differentiate_heads<2>(t, only_seen);
      case 3:
        return differentiate_heads<3>(t, only_seen);
      default:
        return differentiate_heads<4>(t, only_seen);
    }
  }
  template <int kRanks, typename OnlySeen>
  void differentiate_heads(int64_t t, const OnlySeen& only_seen) {
    const Floats d;
    const int64_t columns = columns_, heads_step = heads_ * kKeys, row = (first_ + t) * heads_ + head_;
    constexpr int64_t kLogitsStep = kHeads * kKeys;
    for (int64_t h = 0; h < head_count_; ++h) {
      const Vector log_sum = hn::Set(d, p_.lse[row + h]), mean = hn::Set(d, given_.means[row + h]);
      const float* HWY_RESTRICT key_heads = key_heads_ + (head_ + h) * kKeys;
      float* HWY_RESTRICT weights = weights_ + t * kRow + h * kKeys;
      float* HWY_RESTRICT logits = logits_ + h * kKeys;
      float* HWY_RESTRICT head_gradients = key_head_gradients_ + (head_ + h) * kKeys;
      for (int64_t i = 0; i < columns; i += kLanes) {
        Vector sums[kRanks], factors[kRanks];
        T6_UNROLL
        for (int s = 0; s < kRanks; ++s) {
          sums[s] = hn::Load(d, logits + s * kLogitsStep + i);
          factors[s] = hn::Load(d, key_heads + s * heads_step + i);
        }
        Vector logit = hn::MulSub(sums[0], factors[0], log_sum);
        T6_UNROLL
        for (int s = 1; s < kRanks; ++s) logit = hn::MulAdd(sums[s], factors[s], logit);
        const Vector weight = only_seen(exp_below_88(d, logit), i);
        const Vector gradient = hn::Mul(weight, hn::Sub(hn::Load(d, weights + i), mean));
        hn::Store(weight, d, weights + i);
        T6_UNROLL
        for (int s = 0; s < kRanks; ++s) {
          float* head_gradient = head_gradients + s * heads_step + i;
          hn::Store(hn::MulAdd(gradient, sums[s], hn::Load(d, head_gradient)), d, head_gradient);
          hn::Store(hn::Mul(gradient, factors[s]), d, logits + s * kLogitsStep + i);
        }
      }
    }
  }

  void add_value_gradients() {
    for (int64_t h = 0; h < head_count_; ++h) {
      float_product({.a = weights_ + h * kKeys,
                     .a_row = 1,
                     .a_step = kRow,
                     .b = output_gradients(h),
                     .b_row = e_,
                     .c = value_gradients_ + (head_ + h) * kKeys * e_,
                     .c_row = e_,
                     .M = seen_keys_,
                     .N = e_,
                     .K = count_,
                     .accumulate = true});
    }
  }

  void add_feature_gradients() {
    const int64_t query_row = padded_row(x_.q.features);
    for (int64_t s = 0; s < key_ranks_; ++s) {
      float_product({.a = pair_gradients(s, 0),
                     .a_row = kKeys,
                     .a_step = 1,
                     .b = x_.k.b + first_key_ * x_.k.b_stride + s * x_.k.features,
                     .b_row = x_.k.b_stride,
                     .c = sums_.b + first_ * query_ranks_ * query_row,
                     .c_row = query_row,
                     .M = count_ * query_ranks_,
                     .N = x_.k.features,
                     .K = seen_keys_,
                     .accumulate = true});
      float_product({.a = pair_gradients(s, 0),
                     .a_row = 1,
                     .a_step = kKeys,
                     .b = queries_,
                     .b_row = d_,
                     .c = key_feature_gradients_ + s * kKeys * d_,
                     .c_row = d_,
                     .M = seen_keys_,
                     .N = d_,
                     .K = count_ * query_ranks_,
                     .accumulate = true});
    }
  }

  void write_key_gradients() const {
    for (int64_t k = 0; k < block_keys_; ++k) {
      for (int64_t s = 0; s < key_ranks_; ++s) {
        const int64_t vector = (first_key_ + k) * key_ranks_ + s;
        std::copy_n(key_feature_gradients_ + (s * kKeys + k) * d_, x_.k.features, p_.dk_b + vector * x_.k.features);
        const float* heads = key_head_gradients_ + s * heads_ * kKeys + k;
        for (int64_t h = 0; h < heads_; ++h) p_.dk_a[vector * heads_ + h] = heads[h * kKeys];
      }
    }
  }

  void write_value_gradients() const {
    const int64_t token = x_.v.rank * x_.v.features;
    std::fill_n(p_.dv_b + first_key_ * token, block_keys_ * token, 0.0f);
    for (int64_t h = 0; h < heads_; ++h) {
      contract(HeadFactors(x_.v, heads_, h), first_key_, first_key_ + block_keys_, 1, value_gradients_ + h * kKeys * e_,
               e_, p_.dv_a, p_.dv_b);
    }
  }

  const AttentionBackward& p_;
  const Attention& x_;
  const OutputGradients& given_;
  const QuerySums& sums_;
  const int64_t first_key_, block_keys_;
  const int64_t heads_, query_ranks_, key_ranks_;
  const int64_t d_, e_;                  // D as whole vectors, E as padded_row()
  float* keys_across_;                   // [R_K, D, 64]
  float* key_heads_;                     // [R_K, H, 64]
  float* values_across_;                 // [R_V, E, 64]
  float* value_heads_;                   // [R_V, H, 64]
  float* values_;                        // [H, E, 64]
  float* key_feature_gradients_;         // [R_K, 64, d]
  float* key_head_gradients_;            // [R_K, H, 64]
  float* value_gradients_;               // [H, 64, e]
  float* queries_;                       // [queries, R_Q, d]
  float* query_heads_;                   // [queries, R_Q, H], times logit_scale
  float* pairs_;                         // [R_K, queries, R_Q, 64]
  float* pair_gradients_;                // the same
  float* logits_;                        // [R_K, heads, 64] of a query: their parts, then their gradients
  float* weights_;                       // [queries, row]: gradients of the weights, then weights
  int64_t first_ = 0, count_ = 0;        // queries
  int64_t head_ = 0, head_count_ = 0;    // heads
  int64_t seen_keys_ = 0, columns_ = 0;  // keys that any of them sees, and as whole vectors
};

void write_gradients(const AttentionBackward& p, int64_t begin, int64_t end, const OutputGradients& to) {
  const Floats d;
  const Vector scale = hn::Set(d, p.forward.value_scale);
  const int64_t T = p.forward.T, H = p.forward.heads, E = p.forward.v.features, row = padded_row(E);
  for (int64_t h = 0; h < H; ++h) {
    for (int64_t t = begin; t < end; ++t) {
      const float *gradients = p.d_out + (t * H + h) * E, *out = p.out + (t * H + h) * E;
      float* rows = to.rows + (h * T + t) * row;
      Vector sum = hn::Zero(d);
      for (int64_t i = 0; i < row; i += kLanes) {
        const int64_t left = std::max<int64_t>(E - i, 0);
        const Vector gradient = load_up_to(d, gradients + i, left);
        sum = hn::MulAdd(gradient, load_up_to(d, out + i, left), sum);
        hn::Store(hn::Mul(gradient, scale), d, rows + i);
      }
      to.means[t * H + h] = hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

void run_block(const AttentionBackward& arguments, int64_t block, const OutputGradients& given, const QuerySums& sums,
               BlockBackwardBuffers& buffers) {
  BlockBackward(arguments, block, given, sums, buffers).run();
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(run_block);
HWY_EXPORT(write_gradients);

bool goes_by_blocks(const AttentionBackward& p) {
  const Attention& x = p.forward;
  if (!p.out || !x.q.a || !x.k.a || x.k.rank > kBlockKeyRanks) return false;
  return x.q.rank * x.k.rank * (x.k.features + x.heads) < x.heads * x.k.features;
}

int64_t key_blocks(const AttentionBackward& p) { return divide_up(p.forward.start + p.forward.T, kPageTokens); }

int64_t block_cost(const AttentionBackward& p, int64_t block) {
  const Attention& x = p.forward;
  const int64_t first = block * kPageTokens, from = std::max<int64_t>(0, first - x.start);
  const bool bounded = x.window > 0 && first >= x.sinks;
  const int64_t to = bounded ? std::min(x.T, first + kPageTokens + x.window - x.start) : x.T;
  return std::max<int64_t>(1, to - from) * kPageTokens *
         (x.q.rank * x.k.rank * 3 * (x.k.features + x.heads) + 2 * x.heads * x.v.features);
}

void write_output_gradients(const AttentionBackward& arguments, int64_t begin, int64_t end, const OutputGradients& to) {
  HWY_DYNAMIC_DISPATCH(write_gradients)(arguments, begin, end, to);
}

void backward_block(const AttentionBackward& arguments, int64_t block, const OutputGradients& given,
                    const QuerySums& sums, BlockBackwardBuffers& buffers) {
  HWY_DYNAMIC_DISPATCH(run_block)(arguments, block, given, sums, buffers);
}

}  // namespace t6
#endif  // HWY_ONCE
