#include "t6/kernels/attention/backward_head.h"

#include <algorithm>

#include "t6/core/rounding.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention/backward_head.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/attention/head_factors-inl.h"
#include "t6/kernels/attention/small_product-inl.h"
#include "t6/kernels/simd/exp-inl.h"
#include "t6/kernels/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Queries of a block. They are the columns of the block's matrices, one row a key: 64 are the columns of a tile of the
// small product, and the two matrices, 64 x M numbers each, stay in the second-level cache for a thousand keys.
constexpr int64_t kQueries = 64;

class HeadBackward {
 public:
  HeadBackward(const AttentionBackward& arguments, int64_t head, HeadBuffers& buffers)
      : p_(arguments),
        x_(arguments.forward),
        head_(head),
        keys_count_(x_.start + x_.T),
        d_(round_up(x_.k.features, kLanes)),
        e_(round_up(x_.v.features, kLanes)),
        q_(x_.q, x_.heads, head),
        k_(x_.k, x_.heads, head),
        v_(x_.v, x_.heads, head),
        queries_(buffers.queries.reserve(kQueries * d_)),
        keys_(buffers.keys.reserve(keys_count_ * d_)),
        values_(buffers.values.reserve(keys_count_ * e_)),
        query_gradients_(buffers.query_gradients.reserve(kQueries * d_)),
        key_gradients_(buffers.key_gradients.reserve(keys_count_ * d_)),
        value_gradients_(buffers.value_gradients.reserve(keys_count_ * e_)),
        queries_across_(buffers.queries_across.reserve(d_ * kQueries)),
        out_gradients_(buffers.out_gradients.reserve(kQueries * e_)),
        out_gradients_across_(buffers.out_gradients_across.reserve(e_ * kQueries)),
        log_sums_(buffers.log_sums.reserve(kQueries)),
        weights_(buffers.weights.reserve(keys_count_ * kQueries)),
        products_(buffers.products.reserve(keys_count_ * kQueries)) {}

  void run(const FeatureGradients& features) {
    materialize(k_, 0, keys_count_, 1, keys_);
    materialize(v_, 0, keys_count_, 1, values_);
    std::fill_n(key_gradients_, keys_count_ * d_, 0.0f);
    std::fill_n(value_gradients_, keys_count_ * e_, 0.0f);
    for (int64_t first = 0; first < x_.T; first += kQueries) {
      const int64_t count = std::min(kQueries, x_.T - first);
      find_keys(first, count);
      gather_queries(first, count);
      multiply_keys(count);
      update_softmax(first, count);
      add_gradients(count);
      contract(q_, first, first + count, x_.logit_scale, query_gradients_, d_, p_.dq_a, features.q);
    }
    contract(k_, 0, keys_count_, 1, key_gradients_, d_, p_.dk_a, features.k);
    contract(v_, 0, keys_count_, 1, value_gradients_, e_, p_.dv_a, features.v);
  }

 private:
  // Keys [begin, end) that a block of queries sees any of.
  struct Keys {
    int64_t begin, end;
    int64_t count() const { return end - begin; }
  };

  // The sinks and the window, as far as they are apart.
  void find_keys(int64_t first, int64_t count) {
    const int64_t end = x_.start + first + count;
    const int64_t begin = x_.window > 0 ? std::max<int64_t>(0, x_.start + first + 1 - x_.window) : 0;
    ranges_ = 0;
    if (begin <= x_.sinks) {
      seen_[ranges_++] = {0, end};
    } else {
      if (x_.sinks > 0) seen_[ranges_++] = {0, x_.sinks};
      seen_[ranges_++] = {begin, end};
    }
  }
  template <typename Visit>
  void for_keys(Visit&& visit) const {
    for (int i = 0; i < ranges_; ++i) visit(seen_[i]);
  }

  // The block's queries times logit_scale, and its output gradients times value_scale: as rows, and across.
  void gather_queries(int64_t first, int64_t count) {
    const Floats d;
    materialize(q_, first, first + count, x_.logit_scale, queries_);
    transpose_rows(queries_, d_, count, d_, queries_across_, kQueries);
    const int64_t features = x_.v.features;
    const Vector scale = hn::Set(d, x_.value_scale);
    for (int64_t t = 0; t < count; ++t) {
      const float* from = p_.d_out + ((first + t) * x_.heads + head_) * features;
      for (int64_t i = 0; i < features; i += kLanes) {
        hn::Store(hn::Mul(load_up_to(d, from + i, features - i), scale), d, out_gradients_ + t * e_ + i);
      }
    }
    transpose_rows(out_gradients_, e_, count, e_, out_gradients_across_, kQueries);
    for (int64_t t = 0; t < kQueries; ++t) {
      log_sums_[t] = p_.lse[(first + std::min(t, count - 1)) * x_.heads + head_];
    }
  }

  // Logits, and the gradients of the weights: rows of keys, columns of queries.
  void multiply_keys(int64_t count) {
    const auto multiply = [&](const Keys& keys, const float* rows, int64_t width, const float* across, int64_t features,
                              float* out) {
      float_product({.a = rows + keys.begin * width,
                     .a_row = width,
                     .a_step = 1,
                     .b = across,
                     .b_row = kQueries,
                     .c = out + keys.begin * kQueries,
                     .c_row = kQueries,
                     .M = keys.count(),
                     .N = round_up(count, kLanes),
                     .K = features});
    };
    for_keys([&](const Keys& keys) {
      multiply(keys, keys_, d_, queries_across_, x_.k.features, weights_);
      multiply(keys, values_, e_, out_gradients_across_, x_.v.features, products_);
    });
  }

  // Logits become weights, e^(logit - lse), and the weights' gradients those of the logits: w (dw - sum over keys w
  // dw). The weights are made to sum to 1: `lse` is of logits that the forward pass may have rounded otherwise, by
  // products of factors, and of a weight near 1 the difference would be all that is left.
  void update_softmax(int64_t first, int64_t count) {
    const Floats d;
    for (int64_t i = 0; i < count; i += kLanes) {
      const Vector log_sum = hn::Load(d, log_sums_ + i);
      const Vector query = hn::Iota(d, static_cast<float>(i));
      Vector sum = hn::Zero(d), weights = hn::Zero(d);
      for_keys([&](const Keys& keys) HWY_ATTR {
        for (int64_t k = keys.begin; k < keys.end; ++k) {
          float* at = weights_ + k * kQueries + i;
          const Vector weight = seen_alone(exp_below_88(d, hn::Sub(hn::Load(d, at), log_sum)), k, first, count, query);
          hn::Store(weight, d, at);
          weights = hn::Add(weights, weight);
          sum = hn::MulAdd(weight, hn::Load(d, products_ + k * kQueries + i), sum);
        }
      });
      const Vector scale = hn::Div(hn::Set(d, 1.0f), weights), mean = hn::Mul(sum, scale);
      for_keys([&](const Keys& keys) HWY_ATTR {
        for (int64_t k = keys.begin; k < keys.end; ++k) {
          float *weight_at = weights_ + k * kQueries + i, *at = products_ + k * kQueries + i;
          const Vector weight = hn::Mul(hn::Load(d, weight_at), scale);
          hn::Store(weight, d, weight_at);
          hn::Store(hn::Mul(weight, hn::Sub(hn::Load(d, at), mean)), d, at);
        }
      });
    }
  }

  // A key's weights for some of the block's queries, 0 for those that do not see it.
  HWY_INLINE Vector seen_alone(Vector weight, int64_t key, int64_t first, int64_t count, Vector query) const {
    const Floats d;
    const int64_t ahead = key - x_.start - first;  // of the block's first query
    if (ahead > 0) weight = hn::IfThenZeroElse(hn::Lt(query, hn::Set(d, static_cast<float>(ahead))), weight);
    if (x_.window > 0 && key >= x_.sinks && ahead + x_.window < count) {
      weight = hn::IfThenZeroElse(hn::Ge(query, hn::Set(d, static_cast<float>(ahead + x_.window))), weight);
    }
    return weight;
  }

  void add_gradients(int64_t count) {
    for_keys([&](const Keys& keys) {
      float_product({.a = products_ + keys.begin * kQueries,
                     .a_row = 1,
                     .a_step = kQueries,
                     .b = keys_ + keys.begin * d_,
                     .b_row = d_,
                     .c = query_gradients_,
                     .c_row = d_,
                     .M = count,
                     .N = d_,
                     .K = keys.count(),
                     .accumulate = &keys != seen_});
    });
    const auto add = [&](const Keys& keys, const float* weights, const float* rows, int64_t width, float* sums) {
      float_product({.a = weights + keys.begin * kQueries,
                     .a_row = kQueries,
                     .a_step = 1,
                     .b = rows,
                     .b_row = width,
                     .c = sums + keys.begin * width,
                     .c_row = width,
                     .M = keys.count(),
                     .N = width,
                     .K = count,
                     .accumulate = true});
    };
    for_keys([&](const Keys& keys) {
      add(keys, products_, queries_, d_, key_gradients_);
      add(keys, weights_, out_gradients_, e_, value_gradients_);
    });
  }

  const AttentionBackward& p_;
  const Attention& x_;
  const int64_t head_, keys_count_;
  const int64_t d_, e_;  // D and E as whole vectors
  const HeadFactors q_, k_, v_;
  float* queries_;               // [64, d], times logit_scale
  float* keys_;                  // [M, d]
  float* values_;                // [M, e]
  float* query_gradients_;       // [64, d], without logit_scale
  float* key_gradients_;         // [M, d]
  float* value_gradients_;       // [M, e]
  float* queries_across_;        // [d, 64]
  float* out_gradients_;         // [64, e], times value_scale
  float* out_gradients_across_;  // [e, 64]
  float* log_sums_;              // [64]
  float* weights_;               // [M, 64]: logits, then weights
  float* products_;              // [M, 64]: gradients of the weights, then of the logits
  Keys seen_[2] = {};            // by the block's queries
  int ranges_ = 0;               // of them
};

void backward(const AttentionBackward& arguments, int64_t head, const FeatureGradients& features,
              HeadBuffers& buffers) {
  HeadBackward(arguments, head, buffers).run(features);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(backward);

void backward_head(const AttentionBackward& arguments, int64_t head, const FeatureGradients& features,
                   HeadBuffers& buffers) {
  HWY_DYNAMIC_DISPATCH(backward)(arguments, head, features, buffers);
}

}  // namespace t6
#endif  // HWY_ONCE
