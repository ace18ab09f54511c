#include "t6/infer/weights.h"

#include <set>
#include <utility>

#include "t6/core/error.h"
#include "t6/import/import.h"
#include "t6/model/parameters.h"
#include "t6/numbers/dequantize.h"

namespace t6 {
namespace {

// Some programs write the output head beside the embeddings that it equals.
bool is_tied_copy(const ModelConfig& config, const std::string& name) {
  return config.tie_word_embeddings && name == "lm_head.weight";
}

}  // namespace

Weights::Weights(const ModelConfig& config, const std::filesystem::path& path)
    : file_(std::make_unique<const WeightFile>(path)), tensors_(file_->tensors()) {
  check(config, path.string());
}

Weights::Weights(const ModelConfig& config, TensorViews tensors, const std::string& source, LetGo let_go)
    : tensors_(std::move(tensors)), let_go_(std::move(let_go)) {
  check(config, source);
}

Weights::Weights(const ModelConfig& config, std::map<std::string, std::vector<float>> tensors,
                 const std::string& source)
    : owned_(std::move(tensors)) {
  std::map<std::string, Shape> shapes;
  for (const Parameter& parameter : parameters(config)) shapes[parameter.name] = parameter.shape;
  for (const auto& [name, numbers] : owned_) {
    const auto known = shapes.find(name);
    const Shape shape = known == shapes.end() ? Shape{static_cast<int64_t>(numbers.size())} : known->second;
    require(numbers.size() == static_cast<size_t>(element_count(shape)),
            "{}: tensor \"{}\" has {} numbers, wanted shape {}", source, name, numbers.size(), format_shape(shape));
    tensors_[name] = {NumberType::f32, shape, std::as_bytes(std::span(numbers))};
  }
  check(config, source);
}

void Weights::check(const ModelConfig& config, const std::string& source) const {
  std::set<std::string> known;
  for (const Parameter& parameter : parameters(config)) {
    const TensorView* tensor = find(parameter.name);
    require(tensor, "{}: the tensor \"{}\" is missing", source, parameter.name);
    require(tensor->shape == parameter.shape, "{}: tensor \"{}\" has shape {}, wanted {}", source, parameter.name,
            format_shape(tensor->shape), format_shape(parameter.shape));
    const bool of_gguf = number_type_info(tensor->type).block_numbers > 1;
    (of_gguf ? check_stored_bytes : check_bytes)(*tensor, fmt::format("{}: tensor \"{}\"", source, parameter.name));
    known.insert(parameter.name);
  }
  for (const auto& [name, tensor] : tensors_) {
    require(known.contains(name) || is_tied_copy(config, name),
            "{}: the tensor \"{}\" is not a parameter of this {} model; its configuration does not fit these weights",
            source, name, attention_kind_name(config.attention_kind));
  }
}

const TensorView* Weights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

WeightMatrix Weights::matrix(Context& context, const std::string& name) const {
  const TensorView* tensor = find(name);
  if (!tensor) return {};
  WeightMatrix matrix = weight_matrix(context, *tensor);
  if (let_go_) let_go_(tensor->bytes);
  return matrix;
}

std::vector<float> Weights::numbers(const std::string& name) const {
  const TensorView* tensor = find(name);
  if (!tensor) return {};
  return dequantize(*tensor);
}

}  // namespace t6
