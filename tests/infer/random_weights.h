// Weights for tests: every parameter random, output projections too, so that nothing hides behind a zero.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "t6/core/random.h"
#include "t6/infer/forward.h"
#include "t6/infer/model.h"
#include "t6/model/parameters.h"

namespace t6 {

inline std::map<std::string, std::vector<float>> random_tensors(const ModelConfig& config, uint64_t seed = 1) {
  std::map<std::string, std::vector<float>> tensors;
  Random random(seed);
  for (const Parameter& parameter : parameters(config)) {
    auto& tensor = tensors[parameter.name];
    tensor.resize(static_cast<size_t>(element_count(parameter.shape)));
    for (float& x : tensor) x = static_cast<float>(0.8 * random.uniform() - 0.4);
  }
  return tensors;
}

inline std::shared_ptr<const Model> random_model(const ModelConfig& config, uint64_t seed = 1) {
  return std::make_shared<const Model>(config, Weights(config, random_tensors(config, seed), "random weights"));
}

inline std::vector<int32_t> random_ids(const ModelConfig& config, size_t count, uint64_t seed = 2) {
  std::vector<int32_t> ids(count);
  Random random(seed);
  for (int32_t& id : ids) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(config.vocab_size)));
  return ids;
}

// Numbers that are valid until the next run.
inline std::vector<float> copy(std::span<const float> numbers) { return {numbers.begin(), numbers.end()}; }

// Of 40 tokens at once.
inline std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  ForwardPass pass(model);
  FactorCache cache(model->config());
  return copy(pass.run(random_ids(model->config(), 40), cache, Logits::all));
}

}  // namespace t6
