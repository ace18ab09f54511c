// A model on disk as something to run: a folder of ours (config.json, model.safetensors, tokenizer.json), the folder of
// a training run, a GGUF file, or a folder as Hugging Face's transformers write it.
#pragma once

#include <filesystem>
#include <memory>

#include "t6/infer/model.h"
#include "t6/text/text_settings.h"
#include "t6/text/tokenizer.h"

namespace t6 {

struct LoadedModel {
  std::filesystem::path path;  // of the folder or the file that was read
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  TextSettings text;  // end_of_text holds what the tokenizer itself says, too

  const ModelConfig& config() const { return model->config(); }
};

// Errors: those of the files, and a tokenizer with more tokens than the model.
LoadedModel load_model(const std::filesystem::path& path);

// The configuration alone, without the weights.
ModelConfig load_config(const std::filesystem::path& path);

}  // namespace t6
