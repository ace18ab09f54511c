// Every parameter of a model by name and shape: what the training wing registers, what a checkpoint holds and
// what the serving wing loads. Names follow Hugging Face's Llama, Qwen3 and DeepSeek where those have the
// parameter.
#pragma once

#include <string>
#include <vector>

#include "t6/formats/safetensors.h"
#include "t6/model/config.h"

namespace t6 {

enum class Part { embedding, attention, feed_forward, norm, output_head };
std::string part_name(Part part);

struct Parameter {
  // groups: head factors, rank by rank, of grouped attention: rank r is R in the heads h with h mod R = r, else 0.
  enum class Initial { uniform, zeros, ones, first_one, groups };

  std::string name;
  Shape shape;
  Part part;
  Initial initial = Initial::uniform;
  double bound = 0;   // uniform in [-bound, bound]
  int64_t ranks = 0;  // R of groups
};

// In the model's order. Initial values are the reference's (Xavier for factors, zero for output projections) unless
// config.factor_init says other ones for factors.
std::vector<Parameter> parameters(const ModelConfig& config);

// Whether a parameter of this name makes head factors: their weights, bias or constants ("...k_proj.a.weight").
bool is_head_factor(const std::string& name);

// The prefix of layer i's parameters: "model.layers.3."
std::string layer_prefix(int64_t layer);

// The names, in a layer, of the norm before the feed-forward: Hugging Face's Llama calls it post_attention_layernorm,
// and so is called in models with norms behind attention (post_norms) the one that is there.
inline const char* feed_forward_norm_name(const ModelConfig& config) {
  return config.post_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
}

}  // namespace t6
