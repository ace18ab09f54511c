// Models and sequences for tests of the engine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/infer/engine.h"
#include "tests/context.h"
#include "tests/infer/random_weights.h"
#include "tests/zoo.h"

namespace t6 {

// A model with the vocabulary of the byte tokenizer. Its texts do not end by themselves.
inline LoadedModel loaded_as(ModelConfig config, int64_t positions) {
  config.vocab_size = 256;
  config.max_position_embeddings = positions;
  return {{}, random_model(config), byte_tokenizer()};
}

inline ModelConfig zoo_config(const std::string& name) {
  for (const ZooModel& model : zoo()) {
    if (model.name == name) return model.config;
  }
  fail("the zoo holds no model called {}", name);
}

inline std::shared_ptr<Sequence> begun(const LoadedModel& loaded, std::span<const int32_t> prompt,
                                       const GenerateOptions& options, const CacheOptions& cache = {}) {
  auto sequence = std::make_shared<Sequence>(loaded, cache);
  sequence->append(prompt);
  sequence->begin(options);
  return sequence;
}

inline GenerateOptions greedy(int64_t tokens) { return {.max_tokens = tokens, .sampler = {.temperature = 0}}; }

// The tokens that a sequence has after it was run alone.
inline std::vector<int32_t> tokens_alone(const LoadedModel& loaded, std::span<const int32_t> prompt,
                                         const GenerateOptions& options, const CacheOptions& cache = {},
                                         int64_t chunk = kPromptChunk) {
  Engine engine(test_context(), loaded.model, {.memory = cache.memory, .prompt_chunk = chunk});
  const auto sequence = begun(loaded, prompt, options, cache);
  run_to_end(engine, sequence, [](std::string_view) {});
  return sequence->tokens();
}

// Steps until all are finished.
inline int64_t run_all(Engine& engine, int64_t most = 100'000) {
  int64_t steps = 0;
  for (; !engine.idle(); ++steps) {
    require(steps < most, "the engine is not done after {} steps", most);
    (void)engine.step();
  }
  return steps;
}

}  // namespace t6
