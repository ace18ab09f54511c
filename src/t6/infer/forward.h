// The forward pass: hidden states through the layers, factors into the cache, logits out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "t6/infer/cache.h"
#include "t6/infer/forward/projection.h"
#include "t6/infer/model.h"
#include "t6/kernels/aligned_buffer.h"
#include "t6/kernels/pointwise.h"
#include "t6/kernels/rotary.h"
#include "t6/model/layer_attention.h"

namespace t6 {

enum class Logits { none, last, all };

// Tokens that follow those in a cache, and of which of them logits are wanted.
struct Step {
  std::span<const int32_t> tokens;
  FactorCache* cache = nullptr;
  Logits logits = Logits::last;
  bool hidden_states = false;  // whether those of all tokens are wanted, by hidden_states()
  // Whether the tokens are a part of a text that is read and not written: then products may be of bfloat16 numbers
  // where the processor has such (Matmul::bfloats; of attention from a cache of fewer bits than float32), however the
  // text is divided. Of a run's steps those that read come last.
  bool reading = false;
};

// What a run gives, step by step.
struct StepLogits {
  std::span<const float> all;         // of all steps, one after the other
  std::span<const size_t> positions;  // where each step's logits begin in `all`, and where the last one's end

  // [rows, V] of a step: no row, one, or one for each of its tokens.
  std::span<const float> operator[](size_t step) const {
    return all.subspan(positions[step], positions[step + 1] - positions[step]);
  }
};

// Holds the buffers of one pass at a time: one for each thread that runs models, any number of caches.
class ForwardPass {
 public:
  // The context outlives this.
  ForwardPass(Context& context, std::shared_ptr<const Model> model);

  // Runs the tokens of several sequences at once and adds them to their caches. The logits stay valid until the next
  // run. Errors, before anything is changed: no tokens, an id outside the vocabulary, more than a cache has room for, a
  // cache of another model, a step that does not read after one that does.
  StepLogits run(std::span<const Step> steps);
  std::span<const float> run(std::span<const int32_t> tokens, FactorCache& cache, Logits wanted);  // [rows, V]
  // [tokens, C], of a step of the last run that asked for them: what the output head makes logits of, after the last
  // norm. Valid until the next call or run.
  std::span<const float> hidden_states(size_t step);
  // Whether this machine may give tokens that are read other bits than those written (Step::reading).
  static bool rounds_reading();
  // The errors of run() that are not about room.
  void check(const Step& step) const;

  const Model& model() const { return *model_; }
  Context& context() const { return context_; }

 private:
  void place_tokens(std::span<const Step> steps);
  void attend(int64_t layer);
  // Factors of the tokens' queries, keys and values.
  struct Projected {
    FactorRowsOut q, k, v;
  };
  // A layer's weights, and what else differs between layers.
  struct Layer {
    const LayerWeights& weights;
    const LayerAttention& attention;
    const RotaryTable& rotary;
  };
  Layer layer(int64_t index) const;
  FeatureFinish finish(const Layer& layer, const FactorWeights& weights) const;
  Projected project(const Layer& layer, const TokenRows& tokens);
  void project_compressed(const Layer& layer, const TokenRows& tokens, const FactorRowsOut& queries);
  void write_cache(int64_t layer, const Projected& factors);
  Attention sequence_attention(const Layer& layer, int64_t index, size_t sequence, const FactorRowsOut& queries);
  void add_value_bias(const float* bias);
  void add_heads(const LayerWeights& layer);
  void keep_wanted_rows();
  void feed_forward(const LayerWeights& layer);
  RmsNorm norm_of(const float* x, int64_t rows, const float* weight) const;
  void normalize(const float* x, int64_t rows, const float* weight);
  const uint16_t* normalize_to_tiles(const float* weight);
  void multiply_normalized(const float* weight, std::span<Matmul> products);
  void multiply(std::span<Matmul> products, int64_t written, const uint16_t* tiles = nullptr);
  void add_product(const Matmul& product, const float* norm);
  StepLogits output_logits();
  const float* wanted_rows(int64_t rows);

  Context& context_;
  std::shared_ptr<const Model> model_;
  std::vector<LayerAttention> layers_;
  std::vector<RotaryTable> rotaries_;  // one for each rotation that there is
  std::vector<size_t> rotary_of_;      // layer
  std::vector<Step> steps_;
  std::vector<int64_t> first_rows_;  // of each sequence; after the last layer's attention of the rows that are kept
  std::vector<int64_t> positions_;   // [T]
  int64_t T_ = 0;                    // rows: tokens of all sequences, then those that are kept
  int64_t written_ = 0;              // of these, the first, whose steps do not read
  std::vector<Attention> attentions_;
  std::vector<Matmul> products_;
  AlignedBuffer hidden_;      // [T, C], the residual stream
  AlignedBuffer normalized_;  // [T, C]
  AlignedBuffer normalized_tiles_;
  AlignedBuffer query_compressed_, query_a_, query_b_, query_c_, query_absorbed_;
  AlignedBuffer key_a_, key_b_, key_c_, value_a_, value_b_, value_c_;
  AlignedBuffer attended_;   // [T, H, E], of MLA [T, H, d_c]
  AlignedBuffer expanded_;   // [T, H, E] of MLA
  AlignedBuffer gate_, up_;  // [T, F]
  AlignedBuffer gated_;      // [T, F] as gated_matmul() writes it
  AlignedBuffer added_;      // [T, C], before the norm of post_norms
  AlignedBuffer head_gate_;  // [T, H E]
  AlignedBuffer wanted_;     // [rows, C], the hidden states that logits are made of
  AlignedBuffer logits_;
  std::vector<size_t> logit_positions_;  // of each step in logits_
};

}  // namespace t6
