// A model with its matrices in a smaller type.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "t6/import/import.h"

namespace t6 {

struct WeightSizes {
  std::map<WeightType, int64_t> numbers;  // how many are stored as this type
  int64_t bytes = 0;
};
WeightSizes weight_sizes(const WeightTensors& tensors);

// The type in which a model quantized to `wanted` keeps a parameter. Matrices become `wanted`, but with q4 embeddings
// and output head become q8, since every token passes through them; matrices whose rows are no whole blocks become
// bf16. Vectors and constant factors stay as they are, and nothing becomes larger than it is stored.
WeightType quantized_type(const std::string& name, const WeightTensor& stored, WeightType wanted);

// `progress` is told how many of all tensors are done. Errors: a matrix holds what is not finite, or is not of its
// shape; `source` begins the message.
ImportedModel quantize_model(ImportedModel model, WeightType wanted, const std::string& source,
                             const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace t6
