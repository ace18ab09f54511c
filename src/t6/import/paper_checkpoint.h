// Checkpoints and golden files of the paper's reference code (tensorgi/T6, PyTorch): its names, its layout and its
// rotation, converted to ours.
//   - Head factors are stored head-major, rows h*R + r; ours are rank-major, rows r*H + h.
//   - RoPE turns by minus the angle; ours, like Hugging Face's Llama, by plus. Negating the second half of the rotated
//     features of queries and keys turns one into the other, so those weight rows change sign.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "t6/formats/json_object.h"
#include "t6/formats/safetensors.h"
#include "t6/model/config.h"

namespace t6 {

using NamedFloats = std::map<std::string, std::vector<float>>;

// The model whose file in the reference code is `name`.py ("T6", "llama-gqa"), with the sizes of `config`, its
// config.json. Error: a key is missing or the model is not known.
ModelConfig paper_config(const std::string& name, const JsonObject& config);
// The model that a file's metadata (`model`, `config`) describes.
ModelConfig paper_config(const SafetensorsFile& file);

// The tensors `prefix` + the reference's name ("param.", "grad.", "after."), by our names and in our layout, one for
// each of parameters(config). Errors, which begin with `source`: missing, or of another shape.
NamedFloats paper_tensors(const TensorViews& tensors, const ModelConfig& config, const std::string& prefix,
                          const std::string& source);
NamedFloats paper_tensors(const SafetensorsFile& file, const ModelConfig& config, const std::string& prefix);

}  // namespace t6
