#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>
#include <system_error>

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

// Where the model's tensors lie in a file: "model." before our names of parameters is `prefix` there, and `head` is the
// output head's whole name. A model that was saved without its output head has no "model.", one that is a part of
// another has more ("language_model.model.").
struct TensorNames {
  std::string prefix, head;

  std::string of(const std::string& parameter) const {
    constexpr std::string_view kModel = "model.";
    return parameter.starts_with(kModel) ? prefix + parameter.substr(kModel.size()) : head;
  }
};

TensorNames tensor_names(const TensorViews& tensors) {
  constexpr std::string_view kEmbeddings = "embed_tokens.weight", kUsual = "model.embed_tokens.weight";
  constexpr const char* kHead = "lm_head.weight";
  std::vector<std::string> prefixes;
  for (const auto& [name, tensor] : tensors) {
    if (name == kEmbeddings || name.ends_with(fmt::format(".{}", kEmbeddings))) {
      prefixes.push_back(name.substr(0, name.size() - kEmbeddings.size()));
    }
  }
  if (prefixes.size() != 1 || tensors.contains(std::string(kUsual))) return {"model.", kHead};
  TensorNames names = {prefixes[0], kHead};
  // The output head lies beside the model, or beside one of those of which it is a part.
  for (std::string outer = names.prefix; !outer.empty() && !tensors.contains(names.head);) {
    outer.pop_back();
    outer.resize(outer.rfind('.') + 1);
    names.head = outer + kHead;
  }
  return names;
}

// Whether the model would be another with this tensor: one of a layer that it has, but no constant.
bool matters(const std::string& name, const TensorNames& names, const ModelConfig& config) {
  const std::string layers = names.prefix + "layers.";
  if (!name.starts_with(layers) || name.ends_with(".rotary_emb.inv_freq")) return false;
  int64_t layer = -1;
  const char *begin = name.data() + layers.size(), *end = name.data() + name.size();
  return std::from_chars(begin, end, layer).ec != std::errc() || layer < config.num_hidden_layers;
}

// What the file has beyond the model: constants that older files hold, copies of tied embeddings, layers that the
// configuration does not count, parts for pictures. transformers pass over it, too.
void note_others(const FolderTensors& all, const std::set<std::string>& used, const TensorNames& names,
                 ImportedModel& model) {
  std::vector<std::string> others;
  for (const auto& [name, tensor] : all.tensors) {
    if (used.contains(name)) continue;
    require(!matters(name, names, model.config), "{}: the tensor \"{}\" is not supported in a model of this type",
            all.source, name);
    others.push_back(name);
  }
  if (others.empty()) return;
  model.notes.push_back(fmt::format("{}: {} of {} tensors are not of this model and are passed over: \"{}\"{}",
                                    all.source, others.size(), all.tensors.size(), others[0],
                                    others.size() > 1 ? ", ..." : ""));
}

}  // namespace

ModelConfig hugging_face_config(const std::filesystem::path& folder) { return read_config_file(folder).config; }

ImportedModel import_hugging_face(const std::filesystem::path& folder) {
  ImportedModel model;
  const HuggingFaceConfig file = read_config_file(folder);
  model.config = file.config;
  model.tokenizer_json = read_tokenizer_json(folder);
  model.text = read_text_settings(folder);
  const FolderTensors all = open_folder_tensors(folder);
  model.owners = all.owners;
  model.let_go = [files = all.let_go](std::span<const std::byte> bytes) {
    for (const LetGo& let_go : files) let_go(bytes);
  };
  require_layers(model.config, all.tensors.size(), all.source);
  const TensorNames names = tensor_names(all.tensors);
  std::set<std::string> used;
  for (const Parameter& parameter : parameters(model.config)) {
    const std::string& name = *used.insert(names.of(parameter.name)).first;
    const TensorView& tensor = tensor_at(all.tensors, name, parameter.shape, all.source);
    const bool adds_one = file.architecture->gemma_block && parameter.part == Part::norm;
    model.tensors[parameter.name] = import_tensor(model, tensor, name, adds_one, all.source);
  }
  note_others(all, used, names, model);
  return model;
}

}  // namespace t6
