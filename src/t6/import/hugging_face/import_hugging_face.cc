#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>
#include <system_error>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/safetensors.h"
#include "t6/import/architectures.h"
#include "t6/import/hugging_face/folder_tensors.h"
#include "t6/import/import.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

void refuse_unsupported(const JsonObject& json, const Architecture& architecture, const ModelConfig& config) {
  const int64_t context = config.max_position_embeddings;
  const auto refuse = [&](bool used, std::string_view what) {
    require(!used, "{}: {} is not supported in a model of the type {}", json.source(), what, architecture.hugging_face);
  };
  const std::string activation = json.string_or("hidden_act", "silu");
  refuse(activation != "silu", fmt::format("the activation \"{}\" (hidden_act)", activation));
  refuse(json.boolean_or("attention_bias", false) && !config.attention_bias, "\"attention_bias\" (one of o_proj, too)");
  refuse(json.boolean_or("mlp_bias", false), "\"mlp_bias\"");
  refuse(json.number_or("partial_rotary_factor", 1, 0, 1) != 1, "\"partial_rotary_factor\"");
  refuse(json.has("quantization_config"), "\"quantization_config\" (weights that another program has quantized)");
  const bool slides = architecture.always_slides || json.boolean_or("use_sliding_window", false);
  const int64_t window = json.integer_or("sliding_window", 0, 0, INT64_MAX);
  refuse(slides && window > 0 && window < context,
         fmt::format("a sliding window of {} tokens (\"sliding_window\") in a context of {}", window, context));
  if (!json.has("layer_types")) return;
  for (const Json& layer : json.at("layer_types")) {
    refuse(layer != "full_attention", fmt::format("the attention {} (layer_types)", layer.dump()));
  }
}

// "rope_parameters" of newer files, "rope_scaling" and "rope_theta" of older ones.
void read_rope(const JsonObject& json, ModelConfig& config) {
  const char* key = json.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  config.rope_theta = json.number_or("rope_theta", 10000, 1, 1e12);
  if (!json.has(key)) return;
  const JsonObject rope = json.object(key);
  config.rope_theta = rope.number_or("rope_theta", config.rope_theta, 1, 1e12);
  config.rope_scaling = rope_scaling_from_json(rope);
}

ModelConfig read_config_file(const std::filesystem::path& folder) {
  const Json file = read_json(folder / "config.json");
  const JsonObject json(file, (folder / "config.json").string());
  require(!json.has("n_embd") || !json.has("block_size"),
          "{}: of the paper's code, which does not write which of its models it is; name it: t6 import --model T6, for "
          "example",
          json.source());
  const Architecture& architecture = hugging_face_architecture(json.string_or("model_type", "(none)"), json.source());
  const auto size = [&](const char* key) { return json.integer(key, 1, kMaxModelSize); };
  ModelConfig config;
  config.vocab_size = json.integer("vocab_size", 1, int64_t{1} << 31);
  config.hidden_size = size("hidden_size");
  config.num_hidden_layers = size("num_hidden_layers");
  config.intermediate_size = size("intermediate_size");
  config.max_position_embeddings = json.integer("max_position_embeddings", 1, int64_t{1} << 31);
  const int64_t heads = size("num_attention_heads");
  set_heads(config, heads, json.integer_or("num_key_value_heads", heads, 1, kMaxModelSize));
  config.head_dim = json.integer_or("head_dim", config.hidden_size / heads, 1, kMaxModelSize);
  config.rms_norm_eps = json.number_or("rms_norm_eps", 1e-6, 0, 1);
  config.tie_word_embeddings = json.boolean_or("tie_word_embeddings", false);
  config.attention_bias = architecture.query_key_value_bias;
  config.query_key_norm = architecture.query_key_norm;
  read_rope(json, config);
  refuse_unsupported(json, architecture, config);
  return checked_again(config, json.source());
}

TensorView import_tensor(ImportedModel& model, const TensorView& tensor, const std::string& name,
                         const std::string& source) {
  const NumberType type = tensor.type;
  require(is_float_weight(type), "{}: tensor \"{}\" is {}; wanted F32, F16 or BF16", source, name,
          number_type_name(type));
  TensorView out = tensor;
  if (tensor.shape.size() == 1 && type != NumberType::f32) {
    out.type = NumberType::f32;
    out.bytes = new_bytes(model, element_count(tensor.shape) * int64_t{sizeof(float)},
                          [&](std::span<std::byte> to) { copy_as_float(tensor, source + ": " + name, floats_of(to)); });
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

ModelConfig hugging_face_config(const std::filesystem::path& folder) { return read_config_file(folder); }

ImportedModel import_hugging_face(const std::filesystem::path& folder) {
  ImportedModel model;
  model.config = read_config_file(folder);
  model.tokenizer_json = read_tokenizer_json(folder);
  model.text = read_text_settings(folder);
  const FolderTensors all = open_folder_tensors(folder);
  model.owners = all.owners;
  require_layers(model.config, all.tensors.size(), all.source);
  const TensorNames names = tensor_names(all.tensors);
  std::set<std::string> used;
  for (const Parameter& parameter : parameters(model.config)) {
    const std::string& name = *used.insert(names.of(parameter.name)).first;
    const TensorView& tensor = tensor_at(all.tensors, name, parameter.shape, all.source);
    model.tensors[parameter.name] = import_tensor(model, tensor, name, all.source);
  }
  note_others(all, used, names, model);
  return model;
}

}  // namespace t6
