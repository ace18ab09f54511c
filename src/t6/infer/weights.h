// A model's parameters by name, in the form in which they are stored, checked against its configuration.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "t6/kernels/weight_matrix.h"
#include "t6/model/config.h"
#include "t6/model/weight_file.h"

namespace t6 {

// What a Model is made from; it copies what it needs.
class Weights {
 public:
  // model.safetensors. Errors: a parameter of `config` is missing or has another shape or type, or the file holds one
  // that `config` does not have (but the copy of tied embeddings that some programs write).
  Weights(const ModelConfig& config, const std::filesystem::path& file);
  // Tensors whose bytes belong to someone else and outlive this; `source` names them in errors, which are the same.
  // `let_go`, which may be null, is told of each matrix that was made. Matrices may be of any type of GGUF.
  Weights(const ModelConfig& config, TensorViews tensors, const std::string& source, LetGo let_go = nullptr);
  // float32, row-major.
  Weights(const ModelConfig& config, std::map<std::string, std::vector<float>> tensors, const std::string& source);

  Weights(Weights&&) = default;
  Weights& operator=(Weights&&) = default;

  // Null when the model has no such parameter.
  const TensorView* find(const std::string& name) const;
  // Ready to multiply by; none when the model has no such parameter.
  WeightMatrix matrix(Context& context, const std::string& name) const;
  // As float32, row-major; empty when the model has no such parameter.
  std::vector<float> numbers(const std::string& name) const;

 private:
  void check(const ModelConfig& config, const std::string& source) const;

  std::unique_ptr<const WeightFile> file_;
  std::map<std::string, std::vector<float>> owned_;
  TensorViews tensors_;
  LetGo let_go_;
};

}  // namespace t6
