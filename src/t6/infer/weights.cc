#include "t6/infer/weights.h"

#include <cstdint>
#include <utility>

#include "t6/core/error.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

// Some programs write the output head beside the embeddings that it equals.
bool is_tied_copy(const ModelConfig& config, const std::string& name) {
  return config.tie_word_embeddings && name == "lm_head.weight";
}

template <typename Tensors, typename Known>
void refuse_unknown(const ModelConfig& config, const Tensors& tensors, const Known& known, const std::string& source) {
  for (const auto& [name, tensor] : tensors) {
    require(known.contains(name) || is_tied_copy(config, name),
            "{}: the tensor \"{}\" is not a parameter of this {} model; its configuration does not fit these weights",
            source, name, attention_kind_name(config.attention_kind));
  }
}

bool usable_in_place(const TensorView& tensor) {
  return tensor.dtype == DType::f32 && reinterpret_cast<uintptr_t>(tensor.bytes.data()) % alignof(float) == 0;
}

}  // namespace

Weights::Weights(const ModelConfig& config, const std::filesystem::path& path)
    : file_(std::make_unique<const SafetensorsFile>(path)) {
  for (const Parameter& parameter : parameters(config)) {
    const TensorView& tensor = file_->at(parameter.name, parameter.shape);
    if (usable_in_place(tensor)) {
      tensors_[parameter.name] = reinterpret_cast<const float*>(tensor.bytes.data());
      continue;
    }
    std::vector<float>& copy = owned_[parameter.name];
    copy.resize(static_cast<size_t>(element_count(tensor.shape)));
    copy_as_float(tensor, path.string() + ": " + parameter.name, copy);
    tensors_[parameter.name] = copy.data();
  }
  refuse_unknown(config, file_->tensors(), tensors_, path.string());
}

Weights::Weights(const ModelConfig& config, std::map<std::string, std::vector<float>> tensors,
                 const std::string& source)
    : owned_(std::move(tensors)) {
  for (const Parameter& parameter : parameters(config)) {
    const auto found = owned_.find(parameter.name);
    require(found != owned_.end(), "{}: the tensor \"{}\" is missing", source, parameter.name);
    require(found->second.size() == static_cast<size_t>(element_count(parameter.shape)),
            "{}: tensor \"{}\" has {} numbers, wanted shape {}", source, parameter.name, found->second.size(),
            format_shape(parameter.shape));
    tensors_[parameter.name] = found->second.data();
  }
  refuse_unknown(config, owned_, tensors_, source);
}

const float* Weights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

}  // namespace t6
