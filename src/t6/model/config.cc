#include "t6/model/config.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/model/factors.h"

namespace t6 {
namespace {

template <typename Enum>
using Names = std::span<const std::pair<Enum, const char*>>;

constexpr std::pair<AttentionKind, const char*> kKinds[] = {{AttentionKind::mha, "mha"},
                                                            {AttentionKind::mqa, "mqa"},
                                                            {AttentionKind::gqa, "gqa"},
                                                            {AttentionKind::mfa, "mfa"},
                                                            {AttentionKind::mla, "mla"},
                                                            {AttentionKind::tpa, "tpa"},
                                                            {AttentionKind::tpa_kvonly, "tpa_kvonly"}};
constexpr std::pair<FactorSource, const char*> kSources[] = {{FactorSource::contextual, "contextual"},
                                                             {FactorSource::constant, "constant"}};
constexpr std::pair<FactorInit, const char*> kFactorInits[] = {{FactorInit::xavier, "xavier"},
                                                               {FactorInit::grouped, "grouped"}};

Names<AttentionKind> names_of(AttentionKind) { return kKinds; }
Names<FactorSource> names_of(FactorSource) { return kSources; }
Names<FactorInit> names_of(FactorInit) { return kFactorInits; }
Names<HeadActivation> names_of(HeadActivation) { return kHeadActivations; }
Names<LayerType> names_of(LayerType) { return kLayerTypes; }
Names<GateActivation> names_of(GateActivation) { return kGateActivations; }
Names<LabelPooling> names_of(LabelPooling) { return kLabelPoolings; }

template <typename Enum>
Enum parse_name(const std::string& text, const std::string& what) {
  std::string known;
  for (const auto& [value, name] : names_of(Enum{})) {
    if (text == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  fail("{}: \"{}\" is not known; wanted one of {}", what, text, known);
}

template <typename Enum>
std::string name_of(Enum value) {
  for (const auto& [known, name] : names_of(value)) {
    if (known == value) return name;
  }
  fail("an enumeration holds the unknown value {}", static_cast<int>(value));
}

// The one list of fields: reading, writing and checking a key's spelling all go through it.
template <typename Config, typename Visitor>
void visit_fields(Config& config, Visitor&& visit) {
  const auto size = [&](const char* key, auto& field, int64_t minimum) { visit(key, field, minimum, kMaxModelSize); };
  visit("vocab_size", config.vocab_size, int64_t{1}, int64_t{1} << 31);
  size("hidden_size", config.hidden_size, 1);
  size("num_hidden_layers", config.num_hidden_layers, 1);
  size("intermediate_size", config.intermediate_size, 0);
  size("num_attention_heads", config.num_attention_heads, 1);
  size("head_dim", config.head_dim, 1);
  size("v_head_dim", config.v_head_dim, 0);
  visit("max_position_embeddings", config.max_position_embeddings, int64_t{1}, int64_t{1} << 31);
  visit("attention_kind", config.attention_kind);
  size("num_key_value_heads", config.num_key_value_heads, 0);
  size("q_rank", config.q_rank, 1);
  size("k_rank", config.k_rank, 1);
  size("v_rank", config.v_rank, 1);
  visit("head_factors", config.head_factors);
  visit("feature_factors", config.feature_factors);
  visit("head_activation", config.head_activation);
  visit("head_factor_bias", config.head_factor_bias);
  visit("factor_init", config.factor_init);
  visit("head_factor_init_scale", config.head_factor_init_scale, 0.0, 1e3);
  visit("shared_kv_features", config.shared_kv_features);
  size("third_order_dim", config.third_order_dim, 1);
  size("q_lora_rank", config.q_lora_rank, 0);
  size("kv_lora_rank", config.kv_lora_rank, 0);
  size("qk_rope_head_dim", config.qk_rope_head_dim, 0);
  visit("rope_theta", config.rope_theta, 1.0, 1e12);
  visit("rope_scaling", config.rope_scaling, config.max_position_embeddings);
  visit("partial_rotary_factor", config.partial_rotary_factor, 0.0, 1.0);
  visit("head_output_norm", config.head_output_norm);
  visit("output_gate", config.output_gate);
  visit("attention_bias", config.attention_bias);
  visit("kv_shift", config.kv_shift);
  visit("query_key_norm", config.query_key_norm);
  visit("norm_weight", config.norm_weight);
  visit("rms_norm_eps", config.rms_norm_eps, 0.0, 1.0);
  visit("tie_word_embeddings", config.tie_word_embeddings);
  visit("attention_output_bias", config.attention_output_bias);
  visit("post_norms", config.post_norms);
  visit("hidden_act", config.hidden_act);
  visit("embedding_scale", config.embedding_scale, 1e-6, 1e6);
  visit("query_pre_attn_scalar", config.query_pre_attn_scalar, 0.0, 1e12);
  visit("sliding_window", config.sliding_window, int64_t{0}, int64_t{1} << 31);
  visit("layer_types", config.layer_types);
  visit("attention_sinks", config.attention_sinks, int64_t{0}, int64_t{1} << 31);
  visit("rope_local_base_freq", config.rope_local_base_freq, 0.0, 1e12);
  visit("no_rope_layers", config.no_rope_layers);
  size("num_labels", config.num_labels, 0);
  visit("label_pooling", config.label_pooling);
  visit("label_pairs", config.label_pairs);
  visit("bidirectional", config.bidirectional);
}

// Keys that a config.json holds only where they say something: programs and cache files from before them know
// models without them.
constexpr const char* kKeysIfUsed[] = {
    "head_factor_bias", "factor_init", "head_factor_init_scale", "attention_output_bias",
    "post_norms",       "hidden_act",  "embedding_scale",        "query_pre_attn_scalar",
    "sliding_window",   "layer_types", "attention_sinks",        "rope_local_base_freq",
    "no_rope_layers",   "num_labels",  "label_pooling",          "label_pairs",
    "bidirectional"};

struct Reader {
  const JsonObject& object;
  std::set<std::string> seen = {};

  bool has(const char* key) { return seen.insert(key), object.has(key); }
  void operator()(const char* key, int64_t& field, int64_t minimum, int64_t maximum) {
    if (has(key)) field = object.integer(key, minimum, maximum);
  }
  void operator()(const char* key, double& field, double minimum, double maximum) {
    if (has(key)) field = object.number(key, minimum, maximum);
  }
  void operator()(const char* key, bool& field) {
    if (has(key)) field = object.boolean(key);
  }
  void operator()(const char* key, RopeScaling& field, int64_t positions) {
    if (has(key)) field = rope_scaling_from_json(object.object(key), positions);
  }
  void operator()(const char* key, std::vector<LayerType>& field) {
    read_list(key, field, [](const Json& item, const std::string& what) {
      require(item.is_string(), "{}: holds {}, wanted are names", what, item.dump());
      return parse_name<LayerType>(item, what);
    });
  }
  void operator()(const char* key, std::vector<int64_t>& field) {
    read_list(key, field, [](const Json& item, const std::string& what) {
      require(item == 0 || item == 1, "{}: holds {}, wanted is 0 or 1", what, item.dump());
      return int64_t{item == 1};
    });
  }
  template <typename T, typename Read>
  void read_list(const char* key, std::vector<T>& field, Read&& read) {
    if (!has(key)) return;
    const std::string what = object.source() + ": \"" + key + "\"";
    const Json& list = object.at(key);
    require(list.is_array(), "{} is {}, wanted is a list", what, list.dump());
    field.clear();
    for (const Json& item : list) field.push_back(read(item, what));
  }
  template <typename Enum>
  void operator()(const char* key, Enum& field) {
    if (has(key)) field = parse_name<Enum>(object.string(key), object.source() + ": \"" + key + "\"");
  }
};

template <typename Enum>
Json names_list(const std::vector<Enum>& values) {
  Json list = Json::array();
  for (const Enum value : values) list.push_back(name_of(value));
  return list;
}

// Rules of how head factors are made and what factors are at first.
void check_head_factors(const ModelConfig& c, const std::string& source) {
  const auto want = [&](bool good, const char* rule) { require(good, "{}: {}", source, rule); };
  const bool contextual = c.head_factors == FactorSource::contextual;
  require(
      c.is_factored() || (!c.head_factor_bias && c.factor_init == FactorInit::xavier && c.head_factor_init_scale == 1),
      "{}: head_factor_bias, factor_init and head_factor_init_scale are for tpa and tpa_kvonly, not {}", source,
      name_of(c.attention_kind));
  want(contextual || !c.head_factor_bias,
       "head_factor_bias is for contextual head_factors; constant ones are a bias alone");
  want(contextual || c.head_factor_init_scale == 1, "head_factor_init_scale is for contextual head_factors");
  if (c.factor_init != FactorInit::grouped) return;
  want(!contextual || c.head_factor_bias, "factor_init \"grouped\" begins with constants: it needs head_factor_bias");
  want(c.head_activation == HeadActivation::identity && c.feature_factors == FactorSource::contextual &&
           c.third_order_dim == 1,
       "factor_init \"grouped\" goes with head_activation identity, contextual feature_factors and third_order_dim 1");
}

// Rules of layers that differ.
void check_layers(const ModelConfig& c, const std::string& source) {
  const auto check_size = [&](const char* key, size_t size) {
    require(size == 0 || static_cast<int64_t>(size) == c.num_hidden_layers,
            "{}: \"{}\" says it of {} layers, and there are {}", source, key, size, c.num_hidden_layers);
  };
  check_size("layer_types", c.layer_types.size());
  check_size("no_rope_layers", c.no_rope_layers.size());
  const bool named = std::ranges::count(c.layer_types, LayerType::sliding) > 0;
  require(!named || c.sliding_window > 0, "{}: \"layer_types\" has sliding_attention, which needs \"sliding_window\"",
          source);
  require(c.sliding_window == 0 || c.layer_types.empty() || named,
          "{}: \"sliding_window\" is {}, but no layer of \"layer_types\" is sliding_attention", source,
          c.sliding_window);
  require(c.attention_sinks == 0 || c.sliding_window > 0,
          "{}: \"attention_sinks\" are for layers with a \"sliding_window\"; the others see every token", source);
  require(c.rope_local_base_freq == 0 || (c.rope_local_base_freq >= 1 && c.sliding_window > 0),
          "{}: \"rope_local_base_freq\" is {}; it is at least 1, and for layers with a \"sliding_window\"", source,
          c.rope_local_base_freq);
}

// Rules of classifiers.
void check_classifier(const ModelConfig& c, const std::string& source) {
  require(c.is_classifier() || (c.label_pooling == LabelPooling::mean && !c.label_pairs && !c.bidirectional),
          "{}: label_pooling, label_pairs and bidirectional are for classifiers, whose \"num_labels\" is above 0",
          source);
  require(!c.bidirectional || c.sliding_window == 0, "{}: \"bidirectional\" goes without \"sliding_window\"", source);
  require(!c.bidirectional || c.label_pooling == LabelPooling::mean,
          "{}: \"bidirectional\" goes with label_pooling mean; the last token is for attention that looks back",
          source);
}

std::string model_type(const Json& config, const std::filesystem::path& path) {
  return JsonObject(config, path.string()).string_or("model_type", "(none)");
}

}  // namespace

std::string attention_kind_name(AttentionKind kind) { return name_of(kind); }
AttentionKind parse_attention_kind(const std::string& name) {
  return parse_name<AttentionKind>(name, "attention kind");
}
LabelPooling parse_label_pooling(const std::string& name, const std::string& source) {
  return parse_name<LabelPooling>(name, source);
}

void check_config(const ModelConfig& c, const std::string& source) {
  check_layers(c, source);
  check_head_factors(c, source);
  check_classifier(c, source);
  const auto want = [&](bool good, const char* rule) { require(good, "{}: {}", source, rule); };
  const std::string kind = name_of(c.attention_kind);
  const bool latent = c.attention_kind == AttentionKind::mla;
  const bool compressed = latent || c.attention_kind == AttentionKind::mfa;

  if (c.attention_kind == AttentionKind::gqa) {
    require(c.num_key_value_heads >= 1 && c.num_attention_heads % c.num_key_value_heads == 0,
            "{}: gqa needs \"num_key_value_heads\" that divides num_attention_heads ({}), not {}", source,
            c.num_attention_heads, c.num_key_value_heads);
  }
  if (latent) {
    require(c.kv_lora_rank >= 1 && c.qk_rope_head_dim >= 2 && c.qk_rope_head_dim % 2 == 0,
            "{}: mla needs \"kv_lora_rank\" >= 1 and an even \"qk_rope_head_dim\" >= 2, not {} and {}", source,
            c.kv_lora_rank, c.qk_rope_head_dim);
    want(c.partial_rotary_factor == 1,
         "mla rotates its own qk_rope_head_dim features; leave partial_rotary_factor at 1");
    want(!c.query_key_norm, "mla normalizes its compressed queries and latents; query_key_norm is for the other kinds");
  } else {
    require(rotary_dim(c) > 0 || c.partial_rotary_factor == 0, "{}: head_dim {} leaves nothing to rotate", source,
            c.head_dim);
    want(c.partial_rotary_factor < 1 || c.head_dim / c.third_order_dim % 2 == 0,
         "rotation pairs features: head_dim / third_order_dim must be even");
  }
  require(!compressed || c.q_lora_rank >= 1, "{}: {} needs \"q_lora_rank\" >= 1", source, kind);
  require(compressed || c.q_lora_rank == 0, "{}: \"q_lora_rank\" is for mla and mfa, not {}", source, kind);
  require(latent || (c.kv_lora_rank == 0 && c.qk_rope_head_dim == 0),
          "{}: \"kv_lora_rank\" and \"qk_rope_head_dim\" are for mla, not {}", source, kind);

  require(!c.attention_bias || (!compressed && !c.is_factored()), "{}: attention_bias is for mha, mqa and gqa, not {}",
          source, kind);
  const bool plain = c.head_factors == FactorSource::contextual && c.feature_factors == FactorSource::contextual &&
                     c.head_activation == HeadActivation::identity && !c.shared_kv_features && c.third_order_dim == 1;
  require(plain || c.is_factored(),
          "{}: head_factors, feature_factors, head_activation, shared_kv_features and third_order_dim are "
          "for tpa and "
          "tpa_kvonly, not {}",
          source, kind);
  want(c.head_factors == FactorSource::contextual || c.feature_factors == FactorSource::contextual,
       "head_factors and feature_factors cannot both be constant: keys would not depend on the token");
  want(c.head_factors == FactorSource::contextual || c.head_activation == HeadActivation::identity,
       "head_activation is for contextual head_factors");
  want(!c.shared_kv_features || (c.k_rank == c.v_rank && c.value_dim() == c.head_dim),
       "shared_kv_features needs k_rank equal to v_rank and v_head_dim equal to head_dim");
  want(c.third_order_dim == 1 || (c.feature_factors == FactorSource::contextual && !c.query_key_norm),
       "third_order_dim goes with contextual feature_factors and without query_key_norm");
  require(c.head_dim % c.third_order_dim == 0 && c.value_dim() % c.third_order_dim == 0,
          "{}: third_order_dim {} must divide head_dim {} and v_head_dim {}", source, c.third_order_dim, c.head_dim,
          c.value_dim());
}

void require_used_keys(const Json& given, const ModelConfig& config, const std::string& source) {
  const std::string kind = name_of(config.attention_kind);
  const auto want = [&](const char* key, bool used, const char* kinds) {
    require(used || !given.contains(key), "{}: \"{}\" is for {}; a model of kind {} does not use it", source, key,
            kinds, kind);
  };
  want("q_rank", config.attention_kind == AttentionKind::tpa, "tpa");
  want("k_rank", config.is_factored(), "tpa and tpa_kvonly");
  want("v_rank", config.is_factored(), "tpa and tpa_kvonly");
  const bool dense = config.attention_kind == AttentionKind::mha || config.attention_kind == AttentionKind::mqa;
  const int64_t heads = config.num_key_value_heads;
  const bool as_it_is = heads == 0 || (dense && heads == attention_shape(config).k.rank);
  want("num_key_value_heads", config.attention_kind == AttentionKind::gqa || as_it_is, "gqa");
}

bool is_attention_key(const std::string& key) {
  static const std::set<std::string> keys = {
      "attention_kind",  "num_attention_heads",   "num_key_value_heads", "q_rank",           "k_rank",
      "v_rank",          "head_factors",          "feature_factors",     "q_lora_rank",      "kv_lora_rank",
      "head_activation", "shared_kv_features",    "third_order_dim",     "qk_rope_head_dim", "head_factor_bias",
      "factor_init",     "head_factor_init_scale"};
  return keys.contains(key);
}

ModelConfig config_from_json(const Json& json, const std::string& source, const ModelConfig& base, bool strict) {
  const JsonObject object(json, source);
  ModelConfig config = base;
  Reader reader{object};
  visit_fields(config, reader);
  if (strict) {
    for (const auto& [key, value] : json.items()) {
      require(reader.seen.contains(key), "{}: the key \"{}\" is not known", source, key);
    }
  }
  check_config(config, source);
  return config;
}

namespace {

Json all_fields(const ModelConfig& config) {
  Json json = {
      {"model_type", "t6"},
      {"architectures", Json::array({config.is_classifier() ? "T6ForSequenceClassification" : "T6ForCausalLM"})},
      {"torch_dtype", "float32"}};
  visit_fields(config, [&](const char* key, const auto& field, auto...) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (std::is_enum_v<Field>) {
      json[key] = name_of(field);
    } else if constexpr (std::is_same_v<Field, RopeScaling>) {
      json[key] = rope_scaling_to_json(field);
    } else if constexpr (std::is_same_v<Field, std::vector<LayerType>>) {
      json[key] = names_list(field);
    } else {
      json[key] = field;
    }
  });
  return json;
}

}  // namespace

Json config_to_json(const ModelConfig& config) {
  static const Json defaults = all_fields({});
  Json json = all_fields(config);
  for (const char* key : kKeysIfUsed) {
    if (json[key] == defaults[key]) json.erase(key);
  }
  json["intermediate_size"] = config.feed_forward_dim();
  json["v_head_dim"] = config.value_dim();
  json["num_key_value_heads"] = attention_shape(config).k.rank;
  return json;
}

bool is_own_config(const std::filesystem::path& folder) {
  const auto path = folder / kConfigFile;
  return model_type(read_json(path), path) == "t6";
}

ModelConfig read_config(const std::filesystem::path& folder) {
  const auto path = folder / kConfigFile;
  const Json json = read_json(path);
  const std::string type = model_type(json, path);
  require(type == "t6", "{}: \"model_type\" is \"{}\", and this program reads \"t6\"", path.string(), type);
  return config_from_json(json, path.string());
}

}  // namespace t6
