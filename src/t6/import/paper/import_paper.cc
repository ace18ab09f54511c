#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/import/hugging_face/folder_tensors.h"
#include "t6/import/import.h"
#include "t6/import/paper_checkpoint.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

ImportedModel converted(const ModelConfig& config, const TensorViews& tensors, const std::string& source) {
  require_layers(config, tensors.size(), source);
  // Golden files hold gradients and results, too, and so tell them apart.
  const bool golden = tensors.contains("param.transformer.h.0.attn.c_proj.weight");
  auto owner = std::make_shared<NamedFloats>(paper_tensors(tensors, config, golden ? "param." : "", source));
  ImportedModel model;
  model.config = config;
  for (const Parameter& parameter : parameters(config)) {
    model.tensors[parameter.name] = {NumberType::f32, parameter.shape,
                                     std::as_bytes(std::span(owner->at(parameter.name)))};
  }
  model.owners.push_back(std::move(owner));
  return model;
}

}  // namespace

ImportedModel import_paper(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  require(
      file.metadata().contains("model"),
      "{}: not a checkpoint of the paper's code (its metadata lack \"model\"); other models are named by their folder",
      path.string());
  return converted(paper_config(file), file.tensors(), path.string());
}

ImportedModel import_paper_folder(const std::filesystem::path& folder, const std::string& name) {
  const std::filesystem::path path = folder / "config.json";
  const Json json = read_json(path);
  const ModelConfig config = paper_config(name, JsonObject(json, path.string()));
  const FolderTensors all = open_folder_tensors(folder);
  ImportedModel model = converted(config, all.tensors, all.source);
  if (path_exists(folder / "tokenizer.json")) model.tokenizer_json = read_text(folder / "tokenizer.json");
  model.text = read_text_settings(folder);
  return model;
}

}  // namespace t6
