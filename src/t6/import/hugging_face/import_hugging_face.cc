#include <algorithm>
#include <cstdint>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/safetensors.h"
#include "t6/import/hugging_face/config_file.h"
#include "t6/import/hugging_face/folder_tensors.h"
#include "t6/import/import.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

// `adds_one`: to numbers that are stored less one.
TensorView import_tensor(ImportedModel& model, const TensorView& tensor, const std::string& name, bool adds_one,
                         const std::string& source) {
  const NumberType type = tensor.type;
  require(is_float_weight(type), "{}: tensor \"{}\" is {}; wanted F32, F16 or BF16", source, name,
          number_type_name(type));
  TensorView out = tensor;
  if (tensor.shape.size() == 1 && (adds_one || type != NumberType::f32)) {
    out.type = NumberType::f32;
    out.bytes = new_bytes(model, element_count(tensor.shape) * int64_t{sizeof(float)}, [&](std::span<std::byte> to) {
      copy_as_float(tensor, source + ": " + name, floats_of(to));
      for (float& number : floats_of(to)) number += adds_one ? 1.0f : 0.0f;
    });
  } else if (reinterpret_cast<uintptr_t>(tensor.bytes.data()) % static_cast<uintptr_t>(stored_bytes(type, 1)) != 0) {
    // Nothing in the format says where numbers begin.
    out.bytes = new_bytes(model, static_cast<int64_t>(tensor.bytes.size()), [&](std::span<std::byte> to) {
      std::copy(tensor.bytes.begin(), tensor.bytes.end(), to.begin());
    });
  }
  return out;
}

bool may_be_left_out(const std::string& name, const ModelConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") ||                  // a constant that older files hold
         (config.tie_word_embeddings && name == "lm_head.weight");  // a copy of the embeddings
}

std::string read_tokenizer(const std::filesystem::path& folder) {
  const auto path = folder / "tokenizer.json";
  require(
      path_exists(path) || !path_exists(folder / "tokenizer.model"),
      "{}: holds tokenizer.model and no tokenizer.json; let transformers' AutoTokenizer read it and save_pretrained "
      "write one",
      folder.string());
  return read_text(path);
}

}  // namespace

ModelConfig hugging_face_config(const std::filesystem::path& folder) { return read_config_file(folder).config; }

ImportedModel import_hugging_face(const std::filesystem::path& folder) {
  ImportedModel model;
  const HuggingFaceConfig file = read_config_file(folder);
  model.config = file.config;
  model.tokenizer_json = read_tokenizer(folder);
  model.text = read_text_settings(folder);
  const FolderTensors all = open_folder_tensors(folder);
  model.owners = all.owners;
  require_layers(model.config, all.tensors.size(), all.source);
  for (const Parameter& parameter : parameters(model.config)) {
    const TensorView& tensor = tensor_at(all.tensors, parameter.name, parameter.shape, all.source);
    const bool adds_one = file.architecture->gemma_block && parameter.part == Part::norm;
    model.tensors[parameter.name] = import_tensor(model, tensor, parameter.name, adds_one, all.source);
  }
  for (const auto& [name, tensor] : all.tensors) {
    require(model.tensors.contains(name) || may_be_left_out(name, model.config),
            "{}: the tensor \"{}\" is not supported in a model of this type", all.source, name);
  }
  return model;
}

}  // namespace t6
