// A model folder (config.json, model.safetensors, tokenizer.json) as something to run.
#pragma once

#include <filesystem>
#include <memory>

#include "t6/infer/model.h"
#include "t6/text/tokenizer.h"

namespace t6 {

struct LoadedModel {
  std::filesystem::path folder;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;

  const ModelConfig& config() const { return model->config(); }
};

// `path` itself, or the folder `model` in it when `path` is a run's folder. Error: neither holds a config.json.
std::filesystem::path find_model_folder(const std::filesystem::path& path);

// Errors: those of the three files, and a tokenizer with more tokens than the model.
LoadedModel load_model(const std::filesystem::path& path);

}  // namespace t6
