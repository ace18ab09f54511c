// The weighted values of a tile: weights of a chunk of heads times a block of values, in the order that the plan chose.

#if defined(T6_KERNELS_ATTENTION_VALUES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_VALUES_INL_H_
#undef T6_KERNELS_ATTENTION_VALUES_INL_H_
#else
#define T6_KERNELS_ATTENTION_VALUES_INL_H_
#endif

#include <cstdint>
#include <vector>

#include "t6/kernels/attention/row_sum-inl.h"
#include "t6/kernels/attention/scores-inl.h"
#include "t6/kernels/attention/softmax_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

class Values {
 public:
  Values(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        buffers_(buffers),
        head_factors_(buffers.head_factors),
        next_head_factors_(buffers.next_head_factors),
        tokens_(tile.tokens),
        output_stride_(padded_row(x_.v.features)),
        materialized_(plan.v.has_a && plan.values == ValueOrder::materialized),
        values_(FactorBlock::Side::values, x_.v, x_.v_shift, x_.heads, materialized_ || plan.many_rows,
                buffers.values) {}

  void begin_block(int64_t first, int64_t count, int64_t end) {
    count_ = count;
    values_.begin(first, count, end);
  }
  void select_group(int64_t head) { values_.select(head); }

  // Where online_softmax_update() is to leave the weights of the chunk's heads, rows (head, query): over the logits,
  // or, where values are factors, times each rank's head factors in rows of their own.
  void begin_weights(const Chunk& chunk, float* logits) {
    chunk_ = chunk;
    const int64_t rows = chunk.heads * tokens_;
    const bool spreads = values_.has_a() && !materialized_;
    ranks_ = spreads ? values_.ranks() : 1;
    weights_ = spreads ? buffers_.weights.reserve(ranks_ * rows * kPageTokens) : logits;
    head_factors_.resize(static_cast<size_t>(ranks_));
    next_head_factors_.resize(static_cast<size_t>(ranks_));
    spread_ = {spreads ? head_factors_.data() : nullptr, next_head_factors_.data(), ranks_, weights_,
               rows * kPageTokens};
  }
  // For the rows of the chunk's head h.
  void select_head(int64_t h) {
    spread_.out = weights_ + h * tokens_ * kPageTokens;
    for (int64_t s = 0; spread_.a && s < ranks_; ++s) {
      head_factors_[static_cast<size_t>(s)] = values_.a(s, chunk_.head + h);
      next_head_factors_[static_cast<size_t>(s)] = values_.next_a(s, chunk_.head + h);
    }
  }
  SpreadWeights spread(int64_t t) const {
    SpreadWeights spread = spread_;
    spread.out += t * kPageTokens;
    return spread;
  }

  // Adds the weighted values to the outputs of the chunk's rows, [rows, output_stride].
  void add(float* output) {
    const int64_t rows = chunk_.heads * tokens_;
    if (materialized_) return add_materialized(output);
    for (int64_t s = 0; s < values_.ranks(); ++s) {
      SmallProduct product = weight_product(weights_ + s * rows * kPageTokens, rows, values_.b(s), values_.b_row());
      product.c = output;
      if (chunk_.head == 0) product.next_b = values_.next_b(s);
      small_product(product);
    }
  }

 private:
  SmallProduct weight_product(const float* weights, int64_t rows, const StoredValues& values, int64_t stride) const {
    return {.a = weights,
            .a_row = kPageTokens,
            .a_step = 1,
            .b = values,
            .b_row = stride,
            .c_row = output_stride_,
            .M = rows,
            .N = x_.v.features,
            .K = count_,
            .accumulate = true};
  }

  void add_materialized(float* output) {
    float* materialized = buffers_.materialized.reserve(kPageTokens * output_stride_);
    for (int64_t h = 0; h < chunk_.heads; ++h) {
      materialize(chunk_.head + h, materialized);
      SmallProduct product =
          weight_product(weights_ + h * tokens_ * kPageTokens, tokens_, materialized, output_stride_);
      product.c = output + h * tokens_ * output_stride_;
      float_product(product);
    }
  }

  // sum_s a_s b_s of one head, [count, output_stride].
  void materialize(int64_t head, float* materialized) const {
    const float* a = values_.head_rows(head);
    for (int64_t k = 0; k < count_; ++k) {
      write_row_sum(
          values_.ranks(), [&](int64_t s) { return a[s * kPageTokens + k]; },
          [&](int64_t s) { return values_.feature_rows(s) + k * values_.b_row(); }, x_.v.features,
          materialized + k * output_stride_);
    }
  }

  const Attention& x_;
  TileBuffers& buffers_;
  std::vector<StoredValues>&head_factors_, &next_head_factors_;  // [ranks], of a head
  const int64_t tokens_, output_stride_;
  const bool materialized_;
  FactorBlock values_;
  int64_t count_ = 0, ranks_ = 1;
  Chunk chunk_;
  float* weights_ = nullptr;  // [ranks, chunk heads, tokens, 64]
  SpreadWeights spread_;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_VALUES_INL_H_
