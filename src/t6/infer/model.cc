#include "t6/infer/model.h"

#include <cmath>
#include <utility>

#include "t6/model/parameters.h"

namespace t6 {
namespace {

// A pair of features is held apart when its bias is so many times what the key's features have without.
constexpr float kLargeBias = 2;

// The root mean square of each key's features in W x, for inputs whose numbers, but for the norm's weights, are
// uncorrelated and of size 1: what they are before anything has run. matrix [R D, C], norm [C] or null: ones.
std::vector<float> feature_sizes(std::span<const float> matrix, const float* norm, const FactorShape& shape, size_t C) {
  std::vector<float> sizes;
  const size_t numbers = static_cast<size_t>(shape.features) * C;
  for (size_t r = 0; r < static_cast<size_t>(shape.rank); ++r) {
    double sum = 0;
    for (size_t i = 0; i < numbers; ++i) {
      const double number = matrix[r * numbers + i] * (norm ? norm[i % C] : 1.0f);
      sum += number * number;
    }
    sizes.push_back(static_cast<float>(std::sqrt(sum / static_cast<double>(shape.features))));
  }
  return sizes;
}

}  // namespace

Model::Model(Context& context, const ModelConfig& config, const Weights& weights)
    : config_(config), shape_(attention_shape(config)) {
  embeddings_ = weights.matrix(context, "model.embed_tokens.weight");
  final_norm_ = keep(weights, "model.norm.weight");
  if (config.has_output_matrix()) output_head_ = weights.matrix(context, "lm_head.weight");
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) layers_.push_back(layer_weights(context, weights, i));
}

const float* Model::keep(const Weights& weights, const std::string& name) {
  if (!weights.find(name)) return nullptr;
  return numbers_.emplace_back(weights.numbers(name)).data();
}

FactorWeights Model::factor_weights(Context& context, const Weights& weights, const std::string& self,
                                    const std::string& letter, const FactorShape& shape) {
  const std::string name = self + letter + "_proj";
  FactorWeights factors;
  factors.norm = keep(weights, self + letter + "_norm.weight");
  if (shape.head == HeadFactor::grouped) {
    factors.b = weights.matrix(context, name + ".weight");
    factors.bias = keep(weights, name + ".bias");
    return factors;
  }
  factors.a = weights.matrix(context, name + ".a.weight");
  factors.head_bias = keep(weights, name + ".a.bias");
  factors.b = weights.matrix(context, name + ".b.weight");
  factors.c = weights.matrix(context, name + ".c.weight");
  factors.constant_a = keep(weights, name + ".a");
  factors.constant_b = keep(weights, name + ".b");
  return factors;
}

// Takes out of the biases of keys and values what a cache need not store. With a shift the first token's are not what
// the others' are, and a norm of keys is over the whole of them.
void Model::hold_biases(const Weights& weights, const std::string& self, const Rotation& rotation,
                        LayerWeights& layer) {
  if (shape_.values != ValueSource::own || layer.k_shift || layer.v_shift) return;
  if (layer.v.bias) layer.value_bias = std::exchange(layer.v.bias, nullptr);
  // What is held turns by angles that are added up, and a scale would be multiplied.
  if (!layer.k.bias || layer.k.norm || rotary_scale(rotation.scaling) != 1) return;
  std::vector<float> least = feature_sizes(weights.numbers(self + "k_proj.weight"), layer.input_norm, shape_.k,
                                           static_cast<size_t>(config_.hidden_size));
  for (float& size : least) size *= kLargeBias;
  std::vector<float> rest = weights.numbers(self + "k_proj.bias");
  layer.key_bias = KeyBias(least, rotary_table(rotation), rest);
  layer.k.bias = numbers_.emplace_back(std::move(rest)).data();
}

LatentWeights Model::latent_weights(Context& context, const Weights& weights, const std::string& self) {
  LatentWeights latent;
  latent.down = weights.matrix(context, self + "kv_a_proj_with_mqa.weight");
  latent.norm = keep(weights, self + "kv_a_layernorm.weight");
  const int64_t H = config_.num_attention_heads, D = config_.head_dim, E = config_.value_dim();
  const int64_t width = config_.kv_lora_rank;
  // Each head's keys, then its values: [H, D + E, d_c].
  const std::string up = self + "kv_b_proj.weight";
  const TensorView& stored = *weights.find(up);
  const std::vector<float> numbers = weights.numbers(up);
  std::vector<float> transposed(static_cast<size_t>(width * D));
  for (int64_t h = 0; h < H; ++h) {
    const float* keys = numbers.data() + h * (D + E) * width;  // [D, d_c]
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t j = 0; j < D; ++j) transposed[static_cast<size_t>(i * D + j)] = keys[j * width + i];
    }
    latent.key_up.emplace_back(context, NumberType::f32, width, D, transposed.data());
    const int64_t first = (h * (D + E) + D) * stored_bytes(stored.type, width);
    latent.value_up.emplace_back(context, stored.type, E, width, stored.bytes.data() + first);
  }
  return latent;
}

LayerWeights Model::layer_weights(Context& context, const Weights& weights, int64_t layer) {
  const std::string prefix = layer_prefix(layer), self = prefix + "self_attn.";
  LayerWeights out;
  out.input_norm = keep(weights, prefix + "input_layernorm.weight");
  out.query_down = weights.matrix(context, self + "q_a_proj.weight");
  out.query_norm = keep(weights, self + "q_a_layernorm.weight");
  if (out.query_down) {
    out.q.b = weights.matrix(context, self + "q_b_proj.weight");
    out.q.norm = keep(weights, self + "q_norm.weight");
  } else {
    out.q = factor_weights(context, weights, self, "q", shape_.q);
  }
  if (shape_.values == ValueSource::latent) {
    out.latent = latent_weights(context, weights, self);
  } else {
    out.k = factor_weights(context, weights, self, "k", shape_.k);
    out.v = factor_weights(context, weights, self, "v", shape_.v);
  }
  out.k_shift = keep(weights, self + "k_shift");
  out.v_shift = keep(weights, self + "v_shift");
  hold_biases(weights, self, layer_attention(config_, layer).rotation, out);
  out.head_norm = keep(weights, self + "head_norm.weight");
  out.gate = weights.matrix(context, self + "gate_proj.weight");
  out.output = weights.matrix(context, self + "o_proj.weight");
  out.output_bias = keep(weights, self + "o_proj.bias");
  out.feed_forward_norm = keep(weights, prefix + feed_forward_norm_name(config_) + ".weight");
  if (config_.post_norms) {
    out.post_attention_norm = keep(weights, prefix + "post_attention_layernorm.weight");
    out.post_feed_forward_norm = keep(weights, prefix + "post_feedforward_layernorm.weight");
  }
  out.mlp_gate = weights.matrix(context, prefix + "mlp.gate_proj.weight");
  out.mlp_up = weights.matrix(context, prefix + "mlp.up_proj.weight");
  out.mlp_down = weights.matrix(context, prefix + "mlp.down_proj.weight");
  return out;
}

int64_t Model::weight_bytes() const {
  int64_t bytes = embeddings_.bytes() + output_head_.bytes();
  for (const LayerWeights& layer : layers_) {
    for (const FactorWeights* factors : {&layer.q, &layer.k, &layer.v}) {
      bytes += factors->a.bytes() + factors->b.bytes() + factors->c.bytes();
    }
    for (const auto* matrices : {&layer.latent.key_up, &layer.latent.value_up}) {
      for (const WeightMatrix& matrix : *matrices) bytes += matrix.bytes();
    }
    for (const WeightMatrix* matrix : {&layer.query_down, &layer.latent.down, &layer.gate, &layer.output,
                                       &layer.mlp_gate, &layer.mlp_up, &layer.mlp_down}) {
      bytes += matrix->bytes();
    }
  }
  return bytes;
}

}  // namespace t6
