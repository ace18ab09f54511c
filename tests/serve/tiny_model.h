// A tiny random model to be served.
#pragma once

#include "tests/infer/engine_models.h"

namespace t6 {

// With the vocabulary of the byte tokenizer, its end of text among it.
inline LoadedModel tiny_model(int64_t positions) {
  ModelConfig config = zoo_config("tpa");
  config.vocab_size = byte_tokenizer()->vocab_size();
  config.max_position_embeddings = positions;
  return {{}, random_model(config), byte_tokenizer()};
}

}  // namespace t6
