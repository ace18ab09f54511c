#include "t6/import/export_hugging_face.h"

#include <algorithm>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/partial_folder.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/formats/safetensors.h"
#include "t6/model/weight_file.h"
#include "t6/numbers/dequantize.h"

namespace t6 {
namespace {

constexpr const char* kTokenizerConfigFile = "tokenizer_config.json";
constexpr const char* kGenerationFile = "generation_config.json";

bool is_plain(NumberType type) {
  return type == NumberType::f32 || type == NumberType::f16 || type == NumberType::bf16;
}

Json config_of(const ModelConfig& config) {
  Json json = config_to_json(config);
  json["auto_map"] = {{"AutoConfig", "configuration_t6.T6Config"},
                      {"AutoModel", "modeling_t6.T6Model"},
                      {"AutoModelForCausalLM", "modeling_t6.T6ForCausalLM"}};
  return json;
}

void write_plain_weights(const std::filesystem::path& path, const TensorViews& tensors) {
  std::list<std::vector<float>> floats;
  TensorViews plain;
  for (const auto& [name, tensor] : tensors) {
    TensorView view = tensor;
    if (!is_plain(tensor.type)) {
      view.type = NumberType::f32;
      view.bytes = std::as_bytes(std::span(floats.emplace_back(dequantize(tensor))));
    }
    plain[name] = view;
  }
  write_weights(path, plain, {{"format", "pt"}});
}

// What T6 knows from the tokenizer itself and transformers do not: the token between documents ends a text.
TextSettings settings_of(const ImportedModel& model) {
  const Tokenizer tokenizer(model.tokenizer_json, kTokenizerFile);  // an Error if it is none
  TextSettings settings = model.text;
  if (const std::optional<int32_t> end = tokenizer.end_of_text()) {
    if (settings.eos_token.empty()) settings.eos_token = tokenizer.token(*end);
    if (std::ranges::find(settings.end_of_text, *end) == settings.end_of_text.end()) {
      settings.end_of_text.push_back(*end);
    }
  }
  return settings;
}

// What transformers want beyond what write_text_settings() says: a class that reads any tokenizer.json, and no empty
// list of ends.
void write_tokenizer(const ImportedModel& model, const std::filesystem::path& folder) {
  const TextSettings settings = settings_of(model);
  write_text(folder / kTokenizerFile, model.tokenizer_json);
  write_text_settings(folder, settings);
  Json tokenizer = read_json(folder / kTokenizerConfigFile);
  tokenizer["tokenizer_class"] = "PreTrainedTokenizerFast";
  tokenizer["model_max_length"] = model.config.max_position_embeddings;
  write_json(folder / kTokenizerConfigFile, tokenizer);
  Json generation = read_json(folder / kGenerationFile);
  if (generation["eos_token_id"].empty()) generation.erase("eos_token_id");
  write_json(folder / kGenerationFile, generation);
}

}  // namespace

void export_hugging_face(const ImportedModel& model, const std::filesystem::path& folder) {
  require(!path_exists(folder), "{}: exists already", folder.string());
  PartialFolder partial(folder);
  write_json(partial.path() / kConfigFile, config_of(model.config));
  if (!model.tokenizer_json.empty()) write_tokenizer(model, partial.path());
  write_plain_weights(partial.path() / kWeightsFile, model.tensors);
  write_text(partial.path() / "nn.py", std::string(nn_python_text()));
  write_text(partial.path() / "configuration_t6.py", std::string(configuration_python_text()));
  write_text(partial.path() / "modeling_t6.py", std::string(modeling_python_text()));
  partial.commit();
}

}  // namespace t6
