// A model on disk as something to run: a folder of ours (config.json, model.safetensors, tokenizer.json), the folder of
// a training run, a GGUF file, or a folder as Hugging Face's transformers write it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "t6/infer/model.h"
#include "t6/text/text_settings.h"
#include "t6/text/tokenizer.h"

namespace t6 {

struct LoadedModel {
  std::filesystem::path path;  // of the folder or the file that was read
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  TextSettings text = {};
  std::vector<std::string> notes = {};  // what the files say and T6 passes over, a line each, for the user to see

  const ModelConfig& config() const { return model->config(); }
  // Whether a text that the model writes is over with this token: by its settings or by what its tokenizer knows.
  bool ends_text(int32_t id) const;
};

// Errors: those of the files. A tokenizer may have more tokens than the model: text that has one of them is an Error
// where the model should read it.
LoadedModel load_model(Context& context, const std::filesystem::path& path);

}  // namespace t6
