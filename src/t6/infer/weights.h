// A model's parameters by name, in float32, checked against its configuration.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "t6/formats/safetensors.h"
#include "t6/model/config.h"

namespace t6 {

class Weights {
 public:
  // model.safetensors: float32 is used where it lies in the mapped file, float16 and bfloat16 are converted.
  // Errors: a parameter of `config` is missing or has another shape or type, or the file holds one that `config` does
  // not have (but the copy of tied embeddings that some programs write).
  Weights(const ModelConfig& config, const std::filesystem::path& file);
  // Tensors in memory, row-major; `source` names them in errors, which are the same.
  Weights(const ModelConfig& config, std::map<std::string, std::vector<float>> tensors, const std::string& source);

  Weights(Weights&&) = default;
  Weights& operator=(Weights&&) = default;

  // Null when the model has no such parameter.
  const float* find(const std::string& name) const;

 private:
  std::unique_ptr<const SafetensorsFile> file_;
  std::map<std::string, std::vector<float>> owned_;
  std::map<std::string, const float*> tensors_;
};

}  // namespace t6
