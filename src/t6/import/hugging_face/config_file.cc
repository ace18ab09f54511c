#include "t6/import/hugging_face/config_file.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/import/shared/tensors.h"

namespace t6 {
namespace {

constexpr int64_t kMaxPositions = int64_t{1} << 31;
constexpr int64_t kDefaultWindow = 4096;  // of every architecture with windows, where "sliding_window" is absent

std::string activation_name(GateActivation activation) {
  return std::ranges::find(kGateActivations, activation, [](const auto& row) { return row.first; })->second;
}

// Gemma has its own key for it; "hidden_act" may be there, too.
std::string activation_of(const JsonObject& json, const Architecture& architecture) {
  if (!architecture.gemma_block) return json.string_or("hidden_act", "silu");
  return json.string_or("hidden_activation", json.string_or("hidden_act", "gelu_pytorch_tanh"));
}

void refuse_unsupported(const JsonObject& json, const Architecture& architecture, const ModelConfig& config) {
  const auto refuse = [&](bool used, std::string_view what) {
    require(!used, "{}: {} is not supported in a model of the type {}", json.source(), what, architecture.hugging_face);
  };
  const std::string activation = activation_of(json, architecture);
  refuse(activation != activation_name(config.hidden_act),
         fmt::format("the activation \"{}\" (hidden_act)", activation));
  refuse(json.boolean_or("mlp_bias", false), "\"mlp_bias\"");
  refuse(json.number_or("partial_rotary_factor", 1, 0, 1) != 1, "\"partial_rotary_factor\"");
  refuse(json.boolean_or("use_bidirectional_attention", false), "\"use_bidirectional_attention\"");
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    refuse(json.number_or(key, 0, 0, 1e9) != 0, fmt::format("\"{}\"", key));
  }
  refuse(json.has("quantization_config"), "\"quantization_config\" (weights that another program has quantized)");
}

// "rope_theta" and the scaling of one rotation.
void read_rotation(const JsonObject& json, const JsonObject& rope, const Architecture& architecture,
                   ModelConfig& config) {
  config.rope_theta =
      rope.number_or("rope_theta", json.number_or("rope_theta", architecture.rope_theta, 1, 1e12), 1, 1e12);
  require(rope.number_or("partial_rotary_factor", 1, 0, 1) == 1, "{}: \"partial_rotary_factor\" is not supported",
          rope.source());
  const int64_t positions =
      json.integer_or("original_max_position_embeddings", config.max_position_embeddings, 1, kMaxPositions);
  config.rope_scaling = rope_scaling_from_json(rope, positions);
}

// Of layers with a window, unscaled: newer files have a rotation by the type of layer, older ones a base.
void read_local_rotation(const JsonObject& json, const JsonObject& rope, ModelConfig& config) {
  if (config.sliding_window == 0) return;
  config.rope_local_base_freq = json.number_or("rope_local_base_freq", 10000, 1, 1e12);
  if (!rope.has("sliding_attention")) return;
  const JsonObject local = rope.object("sliding_attention");
  config.rope_local_base_freq = local.number_or("rope_theta", config.rope_local_base_freq, 1, 1e12);
  require(rope_scaling_from_json(local, config.max_position_embeddings).kind == RopeScalingKind::none,
          "{}: a scaled rotation of the layers with a window is not supported", local.source());
}

// "rope_parameters" of newer files, "rope_scaling" and "rope_theta" of older ones.
void read_rope(const JsonObject& json, const Architecture& architecture, ModelConfig& config) {
  static const Json none = Json::object();
  const char* key = json.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  const JsonObject rope = json.has(key) ? json.object(key) : JsonObject(none, json.source());
  const bool by_type = rope.has("full_attention");
  read_rotation(json, by_type ? rope.object("full_attention") : rope, architecture, config);
  if (architecture.gemma_block) return read_local_rotation(json, rope, config);
  require(!by_type, "{}: \"{}\" by type of layer is not supported in a model of the type {}", json.source(), key,
          architecture.hugging_face);
}

// SmolLM3's "no_rope_layers" may be longer than the model.
void read_unrotated_layers(const JsonObject& json, ModelConfig& config) {
  const auto layers = static_cast<size_t>(config.num_hidden_layers);
  if (json.has("no_rope_layers")) {
    const Json& list = json.at("no_rope_layers");
    require(list.is_array() && list.size() >= layers, "{}: \"no_rope_layers\" must be a list of {} layers",
            json.source(), layers);
    for (size_t i = 0; i < layers; ++i) {
      require(list[i] == 0 || list[i] == 1, "{}: \"no_rope_layers\" holds {}, wanted is 0 or 1", json.source(),
              list[i].dump());
      config.no_rope_layers.push_back(list[i] == 1);
    }
    return;
  }
  const int64_t interval = json.integer_or("no_rope_layer_interval", 4, 1, kMaxModelSize);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) config.no_rope_layers.push_back((i + 1) % interval != 0);
}

LayerType type_by_rule(const JsonObject& json, const Architecture& architecture, const ModelConfig& config,
                       int64_t layer) {
  bool slides = false;
  switch (architecture.windows) {
    case WindowRule::never:
      break;
    case WindowRule::all:
      slides = true;
      break;
    case WindowRule::later:
      slides = layer >= json.integer_or("max_window_layers", 28, 0, kMaxModelSize);
      break;
    case WindowRule::not_rotating:
      slides = !config.no_rope_layers[static_cast<size_t>(layer)];
      break;
    case WindowRule::five_of_six:
      slides = (layer + 1) % json.integer_or("sliding_window_pattern", 6, 1, kMaxModelSize) != 0;
      break;
  }
  return slides ? LayerType::sliding : LayerType::full;
}

LayerType type_by_name(const JsonObject& json, const Json& name) {
  for (const auto& [type, known] : kLayerTypes) {
    if (name == known) return type;
  }
  fail("{}: the attention {} (layer_types) is not supported", json.source(), name.dump());
}

int64_t window_of(const JsonObject& json, const Architecture& architecture) {
  if (architecture.windows == WindowRule::never) return 0;
  const bool asks = architecture.windows == WindowRule::later || architecture.windows == WindowRule::not_rotating;
  if (asks && !json.boolean_or("use_sliding_window", false)) return 0;
  if (!json.json().contains("sliding_window")) return kDefaultWindow;
  return json.integer_or("sliding_window", 0, 0, kMaxPositions);
}

std::vector<LayerType> listed_types(const JsonObject& json, const ModelConfig& config) {
  std::vector<LayerType> types;
  if (!json.has("layer_types")) return types;
  const Json& names = json.at("layer_types");
  require(names.is_array() && std::ssize(names) == config.num_hidden_layers,
          "{}: \"layer_types\" must be a list of {} layers", json.source(), config.num_hidden_layers);
  for (const Json& name : names) types.push_back(type_by_name(json, name));
  return types;
}

void read_windows(const JsonObject& json, const Architecture& architecture, ModelConfig& config) {
  const int64_t window = window_of(json, architecture);
  std::vector<LayerType> types;
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const bool named = architecture.windows == WindowRule::five_of_six;  // these slide, and so there must be a window
    types.push_back(window > 0 || named ? type_by_rule(json, architecture, config, i) : LayerType::full);
  }
  if (const std::vector<LayerType> listed = listed_types(json, config); !listed.empty() && listed != types) {
    const bool ignored = architecture.windows == WindowRule::never || architecture.windows == WindowRule::all;
    require(!ignored,
            "{}: a window of some layers and not of others (layer_types) is not supported in a model of the type {}",
            json.source(), architecture.hugging_face);
    types = listed;
  }
  const auto sliding = std::ranges::count(types, LayerType::sliding);
  if (sliding == 0) return;
  config.sliding_window = window;
  if (sliding < config.num_hidden_layers) config.layer_types = types;
  require(window > 0, "{}: layers with a window (layer_types), but no \"sliding_window\"", json.source());
}

// What an architecture always has, and no key says.
void add_block(const Architecture& architecture, const JsonObject& json, ModelConfig& config) {
  config.query_key_norm = architecture.query_key_norm;
  const bool bias = json.boolean_or("attention_bias", false);
  config.attention_bias = bias || architecture.query_key_value_bias;
  config.attention_output_bias = bias && !architecture.query_key_value_bias;
  if (!architecture.gemma_block) return;
  config.post_norms = true;
  config.hidden_act = GateActivation::gelu_tanh;
  config.embedding_scale = std::sqrt(static_cast<double>(config.hidden_size));
  config.query_pre_attn_scalar = json.number_or("query_pre_attn_scalar", 256, 1e-6, 1e12);
}

}  // namespace

HuggingFaceConfig read_config_file(const std::filesystem::path& folder) {
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
  config.max_position_embeddings = json.integer("max_position_embeddings", 1, kMaxPositions);
  const int64_t heads = size("num_attention_heads");
  set_heads(config, heads, json.integer_or("num_key_value_heads", heads, 1, kMaxModelSize));
  config.head_dim =
      json.integer_or("head_dim", architecture.gemma_block ? 256 : config.hidden_size / heads, 1, kMaxModelSize);
  config.rms_norm_eps = json.number_or("rms_norm_eps", 1e-6, 0, 1);
  config.tie_word_embeddings = json.boolean_or("tie_word_embeddings", architecture.ties_embeddings);
  add_block(architecture, json, config);
  if (architecture.skips_rotation) read_unrotated_layers(json, config);
  read_windows(json, architecture, config);
  read_rope(json, architecture, config);
  refuse_unsupported(json, architecture, config);
  return {checked_again(config, json.source()), &architecture};
}

}  // namespace t6
