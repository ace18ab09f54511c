// A model folder with random weights and the byte tokenizer, for tests of what reads one.
#pragma once

#include <filesystem>
#include <span>

#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/safetensors.h"
#include "t6/text/tokenizer.h"
#include "tests/infer/random_weights.h"

namespace t6 {

inline ModelConfig byte_config() {
  ModelConfig config;  // 257 ids, tpa
  config.hidden_size = 24;
  config.num_hidden_layers = 2;
  config.head_dim = 8;
  config.max_position_embeddings = 48;
  return config;
}

inline void write_weights(const std::filesystem::path& path, const std::map<std::string, std::vector<float>>& tensors,
                          const ModelConfig& config) {
  std::vector<NamedTensor> list;
  for (const Parameter& parameter : parameters(config)) {
    const auto found = tensors.find(parameter.name);
    if (found == tensors.end()) continue;
    list.push_back({parameter.name, {NumberType::f32, parameter.shape, std::as_bytes(std::span(found->second))}});
  }
  write_safetensors(path, list);
}

inline void write_model_folder(const std::filesystem::path& folder, const ModelConfig& config, uint64_t seed = 1) {
  make_folder(folder);
  write_json(folder / "config.json", config_to_json(config));
  write_text(folder / "tokenizer.json", byte_tokenizer()->json());
  write_weights(folder / "model.safetensors", random_tensors(config, seed), config);
}

}  // namespace t6
