// Weights for tests: every parameter random, output projections too, so that nothing hides behind a zero.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "t6/core/random.h"
#include "t6/import/paper_checkpoint.h"
#include "t6/infer/forward.h"
#include "t6/infer/model.h"
#include "t6/model/parameters.h"
#include "tests/context.h"

namespace t6 {

inline NamedFloats random_tensors(const ModelConfig& config, uint64_t seed = 1) {
  NamedFloats tensors;
  Random random(seed);
  for (const Parameter& parameter : parameters(config)) {
    auto& tensor = tensors[parameter.name];
    tensor.resize(static_cast<size_t>(element_count(parameter.shape)));
    for (float& x : tensor) x = static_cast<float>(0.8 * random.uniform() - 0.4);
  }
  return tensors;
}

inline std::shared_ptr<const Model> model_of(const ModelConfig& config, const NamedFloats& tensors) {
  return std::make_shared<const Model>(test_context(), config, Weights(config, tensors, "the test's own"));
}

inline std::shared_ptr<const Model> random_model(const ModelConfig& config, uint64_t seed = 1) {
  return model_of(config, random_tensors(config, seed));
}

inline std::vector<int32_t> random_ids(const ModelConfig& config, size_t count, uint64_t seed = 2) {
  std::vector<int32_t> ids(count);
  Random random(seed);
  for (int32_t& id : ids) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(config.vocab_size)));
  return ids;
}

// Numbers that are valid until the next run.
inline std::vector<float> copy(std::span<const float> numbers) { return {numbers.begin(), numbers.end()}; }

// Of every position, the tokens given in pieces of these sizes.
inline std::vector<float> logits_in_pieces(ForwardPass& pass, std::span<const int32_t> ids,
                                           const std::vector<size_t>& pieces) {
  FactorCache cache(pass.model().config());
  std::vector<float> logits;
  size_t begin = 0;
  for (const size_t size : pieces) {
    const auto part = pass.run(ids.subspan(begin, size), cache, Logits::all);
    logits.insert(logits.end(), part.begin(), part.end());
    begin += size;
  }
  EXPECT_EQ(begin, ids.size());
  return logits;
}

// Of 40 tokens at once.
inline std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  ForwardPass pass(test_context(), model);
  return logits_in_pieces(pass, random_ids(model->config(), 40), {40});
}

}  // namespace t6
