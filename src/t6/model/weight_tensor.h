// A parameter's numbers in the form in which they are stored and multiplied.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "t6/formats/safetensors.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

// Row-major; of quantized types each row, the last dimension, is whole blocks. The bytes belong to someone else.
struct WeightTensor {
  WeightType type = WeightType::f32;
  Shape shape;
  std::span<const std::byte> bytes;
};

// Error: the bytes are not those of the shape, or a quantized tensor is not a matrix with rows of whole blocks;
// `source` begins the message.
void check_bytes(const WeightTensor& tensor, const std::string& source);

// The weight type of floats as safetensors stores them; nothing for other types.
std::optional<WeightType> float_weight_type(DType type);

using WeightTensors = std::map<std::string, WeightTensor>;  // by the names of model/parameters.h

}  // namespace t6
