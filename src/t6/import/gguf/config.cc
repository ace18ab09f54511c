#include "t6/import/gguf/config.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "t6/core/error.h"
#include "t6/import/architectures.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/factors.h"
#include "t6/numbers/dequantize.h"

namespace t6 {
namespace {

const Architecture& architecture(const GgufFile& file) {
  return gguf_architecture(file.values().string("general.architecture"), file.path().string());
}

// Keys of an architecture: "llama.block_count".
class Keys {
 public:
  explicit Keys(const GgufFile& file) : file_(file), prefix_(std::string(architecture(file).gguf) + ".") {}

  int64_t size(const std::string& key) const { return values().integer(one(key), 1, kMaxModelSize); }
  int64_t size_or(const std::string& key, int64_t fallback) const {
    return values().integer_or(one(key), fallback, 0, int64_t{1} << 40);
  }
  double number(const std::string& key, double minimum, double maximum) const {
    return values().number(one(key), minimum, maximum);
  }
  double number_or(const std::string& key, double fallback) const {
    return values().number_or(one(key), fallback, -1e30, 1e30);
  }
  std::string text_or(const std::string& key, const std::string& fallback) const {
    return values().string_or(one(key), fallback);
  }

 private:
  JsonObject values() const { return file_.values(); }
  // The whole key, of a value that all layers share.
  std::string one(const std::string& key) const {
    require(!file_.has_array(prefix_ + key), "{}: \"{}\" is a list: layers that differ are not supported",
            file_.path().string(), prefix_ + key);
    return prefix_ + key;
  }

  const GgufFile& file_;
  std::string prefix_;
};

void refuse_unsupported(const GgufFile& file, const Keys& keys, const ModelConfig& config) {
  const std::string source = file.path().string();
  for (const char* key : {"expert_count", "attention.clamp_kqv", "attention.max_alibi_bias", "attn_logit_softcapping",
                          "final_logit_softcapping", "rope.scaling.yarn_log_multiplier"}) {
    require(keys.number_or(key, 0) == 0, "{}: \"{}\" is not supported", source, key);
  }
  for (const char* key : {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_ext_factor",
                          "attention.scale", "residual_scale", "logit_scale"}) {
    require(keys.number_or(key, 1) == 1, "{}: \"{}\" is not supported", source, key);
  }
  const int64_t rotated = keys.size_or("rope.dimension_count", config.head_dim);
  require(rotated == config.head_dim, "{}: rotation of {} of {} features is not supported", source, rotated,
          config.head_dim);
}

// GGUF keeps Llama 3's scaling as the divisors of the frequencies, in a tensor, and not as the numbers that gave them.
RopeScaling scaling_from_divisors(const GgufFile& file, const TensorView& tensor, const ModelConfig& config) {
  const std::string source = file.path().string();
  const int64_t pairs = rotary_dim(config) / 2;
  require(pairs > 0 && tensor.type == NumberType::f32 && tensor.shape == Shape{pairs},
          "{}: {} has shape {}, wanted [{}] of F32", source, kGgufFrequencies, format_shape(tensor.shape), pairs);
  const std::vector<float> divisors = dequantize(tensor);
  const double factor = *std::max_element(divisors.begin(), divisors.end());
  const RopeScaling scaling = {.kind = RopeScalingKind::llama3, .factor = factor};
  const auto wanted = frequency_divisors(scaling, 2 * pairs, config.rope_theta);
  for (size_t i = 0; i < divisors.size(); ++i) {
    constexpr double kTolerance = 1e-4;  // they were computed and kept in float32
    require(std::abs(divisors[i] - wanted[i]) <= kTolerance * wanted[i],
            "{}: {} are not those of Llama 3.1 (low_freq_factor 1, high_freq_factor 4, 8192 positions); other scalings "
            "are not supported",
            source, kGgufFrequencies);
  }
  return scaling;
}

RopeScaling rope_scaling(const GgufFile& file, const Keys& keys, const ModelConfig& config) {
  const double factor = keys.number_or("rope.scaling.factor", keys.number_or("rope.scale_linear", 1));
  const std::string type = keys.text_or("rope.scaling.type", factor == 1 ? "none" : "linear");
  require(type == "none" || type == "linear" || type == "yarn",
          "{}: rope scaling \"{}\" is not supported (linear and yarn are)", file.path().string(), type);
  const TensorView* divisors = file.find(std::string(kGgufFrequencies));
  if (divisors) return scaling_from_divisors(file, *divisors, config);
  if (type == "none" || factor == 1) return {};
  require(factor > 1, "{}: rope.scaling.factor is {}; wanted at least 1", file.path().string(), factor);
  if (type == "linear") return {.kind = RopeScalingKind::linear, .factor = factor};
  return {.kind = RopeScalingKind::yarn,
          .factor = factor,
          .original_max_position_embeddings = keys.size("rope.scaling.original_context_length"),
          .beta_fast = keys.number_or("rope.scaling.yarn_beta_fast", 32),
          .beta_slow = keys.number_or("rope.scaling.yarn_beta_slow", 1),
          .attention_factor = yarn_attention_factor(factor)};
}

// What the files of an architecture do not say, and llama.cpp knows by its name.
void add_block(const Architecture& rows, const Keys& keys, ModelConfig& config) {
  const int64_t layers = config.num_hidden_layers;
  if (rows.skips_rotation) {
    for (int64_t i = 0; i < layers; ++i) config.no_rope_layers.push_back((i + 1) % 4 != 0);
  }
  if (!rows.gemma_block) return;
  constexpr int64_t kLayersOf27B = 62;  // the one size whose queries are scaled by the width of a head's share
  config.post_norms = true;
  config.hidden_act = GateActivation::gelu_tanh;
  config.embedding_scale = std::sqrt(static_cast<double>(config.hidden_size));
  const int64_t scalar = layers == kLayersOf27B ? config.hidden_size / config.num_attention_heads : config.head_dim;
  config.query_pre_attn_scalar = static_cast<double>(scalar);
  config.sliding_window = rows.gguf_slides ? keys.size_or("attention.sliding_window", 0) : 0;
  const int64_t pattern = std::max<int64_t>(1, keys.size_or("attention.sliding_window_pattern", 6));
  if (config.sliding_window == 0 || pattern == 1) return void(config.sliding_window = 0);
  config.rope_local_base_freq = keys.number_or("rope.freq_base_swa", 10000);
  for (int64_t i = 0; i < layers; ++i) {
    config.layer_types.push_back((i + 1) % pattern != 0 ? LayerType::sliding : LayerType::full);
  }
}

}  // namespace

ModelConfig gguf_config(const GgufFile& file) {
  const Keys keys(file);
  const TensorView* embeddings = file.find("token_embd.weight");
  require(embeddings != nullptr && embeddings->shape.size() == 2, "{}: the tensor \"token_embd.weight\" is missing",
          file.path().string());
  ModelConfig config;
  config.vocab_size = embeddings->shape[0];
  config.hidden_size = keys.size("embedding_length");
  config.num_hidden_layers = keys.size("block_count");
  require_layers(config, file.tensors().size(), file.path().string());
  config.intermediate_size = keys.size("feed_forward_length");
  config.max_position_embeddings = keys.size("context_length");
  set_heads(config, keys.size("attention.head_count"),
            keys.size_or("attention.head_count_kv", keys.size("attention.head_count")));
  config.head_dim = keys.size_or("attention.key_length", config.hidden_size / config.num_attention_heads);
  config.v_head_dim = keys.size_or("attention.value_length", config.head_dim);
  config.rope_theta = keys.number_or("rope.freq_base", 10000);
  config.rms_norm_eps = keys.number("attention.layer_norm_rms_epsilon", 0, 1);
  config.attention_bias = file.find("blk.0.attn_q.bias") != nullptr;
  config.attention_output_bias = file.find("blk.0.attn_output.bias") != nullptr;
  config.query_key_norm = file.find("blk.0.attn_q_norm.weight") != nullptr;
  config.tie_word_embeddings = file.find("output.weight") == nullptr;
  add_block(architecture(file), keys, config);
  refuse_unsupported(file, keys, config);
  config.rope_scaling = rope_scaling(file, keys, config);
  return checked_again(config, file.path().string());
}

// llama.cpp, for which the files are made, reads no window in a model of these architectures.
std::vector<std::string> gguf_config_notes(const GgufFile& file) {
  const int64_t window = Keys(file).size_or("attention.sliding_window", 0);
  if (window == 0 || window >= gguf_config(file).max_position_embeddings) return {};
  return {
      fmt::format("{}: a sliding window of {} tokens is passed over, as by llama.cpp", file.path().string(), window)};
}

bool gguf_rows_are_interleaved(const GgufFile& file) { return architecture(file).gguf_interleaves; }

}  // namespace t6
