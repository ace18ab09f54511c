#include "t6/train/run/initial_weights.h"

#include <algorithm>
#include <set>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/model/weight_file.h"
#include "t6/nn/weights.h"
#include "t6/numbers/dequantize.h"

namespace t6 {
namespace {

void require_alike(const ModelConfig& config, const ModelConfig& given, const std::string& source) {
  static const std::set<std::string> free = {
      "vocab_size",     "max_position_embeddings", "rope_theta",  "rope_scaling",   "rope_local_base_freq",
      "no_rope_layers", "sliding_window",          "layer_types", "attention_sinks"};
  // What a language model does not say of the classifier that begins with it.
  static const std::set<std::string> of_classifiers = {"architectures", "num_labels",    "label_pooling",
                                                       "label_pairs",   "bidirectional", "tie_word_embeddings"};
  const Json ours = config_to_json(config), theirs = config_to_json(given);
  Json all = theirs;  // the keys of either
  all.update(ours);
  const bool new_classifier = config.is_classifier() && !given.is_classifier();
  for (const auto& [key, any] : all.items()) {
    if (new_classifier && of_classifiers.contains(key)) continue;
    const Json value = ours.value(key, Json()), other = theirs.value(key, Json());
    require(
        free.contains(key) || other == value,
        "{}: cannot begin with its weights: its model.{} is {}, and that of the run {}; without a section [model] the "
        "run has the model that is given",
        source, key, other.dump(), value.dump());
  }
}

constexpr const char* kLabelWeights = "classifier.weight";

bool has_vocabulary_rows(const std::string& name) {
  return name == "model.embed_tokens.weight" || name == "lm_head.weight";
}

void copy_rows(const TensorView& from, const std::string& name, torch::Tensor& to, const std::string& source) {
  check_bytes(from, source);
  const Shape wanted = to.sizes().vec();
  const bool same = from.shape == wanted;
  const bool rows = from.shape.size() == 2 && wanted.size() == 2 && from.shape[1] == wanted[1];
  require(same || (rows && has_vocabulary_rows(name)), "{}: its shape is {}, and the run's {}", source,
          format_shape(from.shape), format_shape(wanted));
  const std::vector<float> numbers = dequantize(from);
  const auto count = std::min<size_t>(numbers.size(), static_cast<size_t>(to.numel()));
  write_floats(to, [&](std::span<float> values) { std::copy_n(numbers.begin(), count, values.begin()); });
}

}  // namespace

ImportedModel read_given_model(Context& context, const std::filesystem::path& path) {
  const FoundModel found = find_model(path);
  if (found.form != ModelForm::own) return read_model(context, found);
  const auto file = std::make_shared<const WeightFile>(found.path / kWeightsFile);
  return {.config = read_config(found.path),
          .tensors = file->tensors(),
          .owners = {file},
          .tokenizer_json = {},
          .text = {}};
}

void use_given_weights(Transformer& model, const ImportedModel& given, uint64_t seed, const std::string& source) {
  require_alike(model->config(), given.config, source);
  initialize(model, seed);
  const torch::NoGradGuard no_gradients;
  for (auto& item : model->named_parameters()) {
    const auto found = given.tensors.find(item.key());
    if (item.key() == kLabelWeights && !given.config.is_classifier()) continue;
    require(found != given.tensors.end(), "{}: the tensor \"{}\" is missing", source, item.key());
    copy_rows(found->second, item.key(), item.value(), fmt::format("{}: tensor \"{}\"", source, item.key()));
  }
}

}  // namespace t6
