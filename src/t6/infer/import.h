// Models that other programs wrote, as ours: configuration, parameters under our names and in our layout, tokenizer.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "t6/model/config.h"
#include "t6/model/weight_tensor.h"
#include "t6/text/text_settings.h"

namespace t6 {

struct ImportedModel {
  ModelConfig config;
  WeightTensors tensors;                            // exactly the parameters of `config`; norms and biases in float32
  std::vector<std::shared_ptr<const void>> owners;  // of the tensors' bytes
  std::string tokenizer_json;
  TextSettings text;
};

// A GGUF file of the architectures llama (SmolLM2, Mistral), qwen2 and qwen3. Matrices stay as they lie in the mapped
// file where T6 has their type, and are converted else (model/gguf_weights.h). Errors name what is not supported: the
// architecture, a tensor or its type, the tokenizer, rope scaling, ...
ImportedModel import_gguf(const std::filesystem::path& file);
ModelConfig gguf_config(const std::filesystem::path& file);

// A folder as Hugging Face's transformers write it, with config.json of model_type llama, mistral, qwen2 or qwen3,
// model.safetensors or model.safetensors.index.json, and tokenizer.json. Errors as above.
ImportedModel import_hugging_face(const std::filesystem::path& folder);
ModelConfig hugging_face_config(const std::filesystem::path& folder);

}  // namespace t6
