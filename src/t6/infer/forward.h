// The forward pass: hidden states through the layers, factors into the cache, logits out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "t6/infer/cache.h"
#include "t6/infer/model.h"
#include "t6/infer/projection.h"
#include "t6/kernels/rotary.h"

namespace t6 {

enum class Logits { none, last, all };

// Holds the buffers of one pass at a time: one for each thread that runs models, any number of caches.
class ForwardPass {
 public:
  explicit ForwardPass(std::shared_ptr<const Model> model);

  // Runs `tokens` after those in `cache` and adds them to it. The logits, [1 or T, V], stay valid until the next run.
  // Errors, before anything is changed: no tokens, an id outside the vocabulary, more than the cache has room for, a
  // cache of another model.
  std::span<const float> run(std::span<const int32_t> tokens, FactorCache& cache, Logits wanted);

  const Model& model() const { return *model_; }

 private:
  void check(std::span<const int32_t> tokens, const FactorCache& cache) const;
  void attend(const LayerWeights& layer, LayerCache& cache);
  FactorView prepare_queries(const LayerWeights& layer, const TokenRows& tokens);
  void add_heads(const LayerWeights& layer, const TokenRows& tokens);
  void feed_forward(const LayerWeights& layer);
  void normalize(const float* x, int64_t rows, const float* weight);

  std::shared_ptr<const Model> model_;
  RotaryTable rotary_;
  int64_t T_ = 0, start_ = 0;
  std::vector<float> hidden_;      // [T, C], the residual stream
  std::vector<float> normalized_;  // [T, C]
  std::vector<float> query_compressed_, query_a_, query_b_, query_c_, query_absorbed_;
  std::vector<float> attended_;   // [T, H, E], of MLA [T, H, d_c]
  std::vector<float> expanded_;   // [T, H, E] of MLA
  std::vector<float> gate_, up_;  // [T, F]; gate_ also [T, H E]
  std::vector<float> logits_;
};

}  // namespace t6
