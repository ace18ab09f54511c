#include "t6/model/parameters.h"

#include <cmath>
#include <utility>

#include "t6/core/error.h"
#include "t6/model/factors.h"

namespace t6 {
namespace {

using Initial = Parameter::Initial;

// nn.Linear's own default, which the reference keeps where it says nothing.
double linear_bound(int64_t inputs) { return 1 / std::sqrt(static_cast<double>(inputs)); }

class List {
 public:
  void uniform(Part part, std::string name, Shape shape, double bound) {
    list.push_back({std::move(name), std::move(shape), part, Initial::uniform, bound, 0});
  }
  void linear(Part part, std::string name, int64_t outputs, int64_t inputs) {
    uniform(part, std::move(name), {outputs, inputs}, linear_bound(inputs));
  }
  void filled(Part part, std::string name, Shape shape, Initial initial) {
    list.push_back({std::move(name), std::move(shape), part, initial, 0, 0});
  }
  void groups(std::string name, Shape shape, int64_t ranks) {
    list.push_back({std::move(name), std::move(shape), Part::attention, Initial::groups, 0, ranks});
  }

  std::vector<Parameter> list;
};

// Xavier's bound on the reference's view [inputs, middle, last] of a factor's weights, where PyTorch counts
// middle*last inputs and inputs*last outputs.
double factor_bound(int64_t inputs, int64_t middle, int64_t last) {
  return std::sqrt(6.0 / static_cast<double>((middle + inputs) * last));
}

double xavier_bound(int64_t outputs, int64_t inputs) { return std::sqrt(6.0 / static_cast<double>(outputs + inputs)); }

// What the first values of a projection's factors follow from.
struct FactorStart {
  bool grouped;  // as grouped query attention's
  bool queries;
  double head_scale;  // of W_a
};

FactorStart factor_start(const ModelConfig& config, bool queries) {
  return {config.factor_init == FactorInit::grouped, queries, config.head_factor_init_scale};
}

// Constant head factors of grouped query attention. Those of queries are drawn such that queries vary as their b do,
// and no two heads are alike.
void add_grouped_heads(List& out, const std::string& name, const Shape& shape, int64_t ranks, bool queries) {
  if (!queries) return out.groups(name, shape, ranks);
  out.uniform(Part::attention, name, shape, std::sqrt(3 * static_cast<double>(ranks)));
}

void add_head_factors(List& out, const std::string& name, const FactorShape& shape, int64_t width,
                      const FactorStart& start) {
  const int64_t R = shape.rank, H = shape.heads;
  if (shape.head == HeadFactor::constant) {
    if (start.grouped) return add_grouped_heads(out, name, {R, H}, R, start.queries);
    return out.uniform(Part::attention, name, {R, H}, xavier_bound(R, H));
  }
  out.uniform(Part::attention, name + ".weight", {R * H, width}, start.head_scale * factor_bound(width, H, R));
  if (!shape.head_bias) return;
  if (start.grouped) return add_grouped_heads(out, name + ".bias", {R * H}, R, start.queries);
  out.filled(Part::attention, name + ".bias", {R * H}, Initial::zeros);
}

void add_feature_factors(List& out, const std::string& name, const FactorShape& shape, int64_t width,
                         const FactorStart& start) {
  const int64_t R = shape.rank, D = shape.features, base = shape.base_features();
  if (!shape.contextual_features) return out.uniform(Part::attention, name + ".b", {R, D}, xavier_bound(R, D));
  double bound = factor_bound(width, R, base);
  if (start.grouped) bound = start.queries ? xavier_bound(shape.heads * D, width) : linear_bound(width);
  out.uniform(Part::attention, name + ".b.weight", {R * base, width}, bound);
  if (shape.third > 1) {
    out.uniform(Part::attention, name + ".c.weight", {R * shape.third, width}, factor_bound(width, R, shape.third));
  }
}

void add_projection(List& out, const std::string& name, const FactorShape& shape, int64_t width, bool xavier, bool bias,
                    const FactorStart& start) {
  if (shape.head != HeadFactor::grouped) {
    add_head_factors(out, name + ".a", shape, width, start);
    return add_feature_factors(out, name, shape, width, start);
  }
  const int64_t outputs = shape.rank * shape.features;
  const double bound = xavier ? xavier_bound(outputs, width) : linear_bound(width);
  out.uniform(Part::attention, name + ".weight", {outputs, width}, bound);
  if (bias) out.filled(Part::attention, name + ".bias", {outputs}, Initial::zeros);
}

void add_compressed_queries(List& out, const std::string& self, const ModelConfig& config, int64_t compression) {
  const int64_t outputs = config.num_attention_heads * (config.head_dim + config.qk_rope_head_dim);
  out.linear(Part::attention, self + "q_a_proj.weight", compression, config.hidden_size);
  out.filled(Part::norm, self + "q_a_layernorm.weight", {compression}, Initial::ones);
  out.linear(Part::attention, self + "q_b_proj.weight", outputs, compression);
}

// MLA's keys and values.
void add_latents(List& out, const std::string& self, const ModelConfig& config) {
  const int64_t latent = config.kv_lora_rank, H = config.num_attention_heads;
  out.linear(Part::attention, self + "kv_a_proj_with_mqa.weight", latent + config.qk_rope_head_dim, config.hidden_size);
  out.filled(Part::norm, self + "kv_a_layernorm.weight", {latent}, Initial::ones);
  out.linear(Part::attention, self + "kv_b_proj.weight", H * (config.head_dim + config.value_dim()), latent);
}

void add_keys_and_values(List& out, const std::string& self, const ModelConfig& config, const AttentionShape& shape) {
  const FactorStart start = factor_start(config, false);
  add_projection(out, self + "k_proj", shape.k, config.hidden_size, false, config.attention_bias, start);
  if (shape.values == ValueSource::key_factors) {
    add_head_factors(out, self + "v_proj.a", shape.v, config.hidden_size, start);
  } else {
    add_projection(out, self + "v_proj", shape.v, config.hidden_size, false, config.attention_bias, start);
  }
}

void add_attention(List& out, const std::string& self, const ModelConfig& config) {
  const AttentionShape shape = attention_shape(config);
  const int64_t width = config.hidden_size, H = config.num_attention_heads, D = config.head_dim, E = config.value_dim();
  if (shape.query_compression > 0) {
    add_compressed_queries(out, self, config, shape.query_compression);
  } else {
    const bool xavier = shape.k.head != HeadFactor::grouped;
    add_projection(out, self + "q_proj", shape.q, width, xavier, config.attention_bias, factor_start(config, true));
  }
  if (shape.values == ValueSource::latent) {
    add_latents(out, self, config);
  } else {
    add_keys_and_values(out, self, config, shape);
  }
  if (config.query_key_norm) {
    out.filled(Part::norm, self + "q_norm.weight", {D}, Initial::ones);
    out.filled(Part::norm, self + "k_norm.weight", {D}, Initial::ones);
  }
  if (config.kv_shift) {
    out.filled(Part::attention, self + "k_shift", {2, H}, Initial::first_one);
    out.filled(Part::attention, self + "v_shift", {2, H}, Initial::first_one);
  }
  if (config.head_output_norm) out.filled(Part::norm, self + "head_norm.weight", {E}, Initial::ones);
  if (config.output_gate) out.linear(Part::attention, self + "gate_proj.weight", H * E, width);
  out.filled(Part::attention, self + "o_proj.weight", {width, H * E}, Initial::zeros);
  if (config.attention_output_bias) out.filled(Part::attention, self + "o_proj.bias", {width}, Initial::zeros);
}

}  // namespace

std::string part_name(Part part) {
  switch (part) {
    case Part::embedding:
      return "embedding";
    case Part::attention:
      return "attention";
    case Part::feed_forward:
      return "feed_forward";
    case Part::norm:
      return "norm";
    case Part::output_head:
      return "output_head";
  }
  fail("unknown part {}", static_cast<int>(part));
}

bool is_head_factor(const std::string& name) {
  return name.ends_with("_proj.a") || name.ends_with("_proj.a.weight") || name.ends_with("_proj.a.bias");
}

std::string layer_prefix(int64_t layer) { return fmt::format("model.layers.{}.", layer); }

std::vector<Parameter> parameters(const ModelConfig& config) {
  const int64_t width = config.hidden_size, hidden = config.feed_forward_dim();
  List out;
  const auto norm = [&](const std::string& name) {
    if (config.norm_weight) out.filled(Part::norm, name + ".weight", {width}, Initial::ones);
  };
  out.linear(Part::embedding, "model.embed_tokens.weight", config.vocab_size, width);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string layer = layer_prefix(i);
    norm(layer + "input_layernorm");
    add_attention(out, layer + "self_attn.", config);
    norm(layer + "post_attention_layernorm");
    if (config.post_norms) norm(layer + "pre_feedforward_layernorm");
    out.linear(Part::feed_forward, layer + "mlp.gate_proj.weight", hidden, width);
    out.linear(Part::feed_forward, layer + "mlp.up_proj.weight", hidden, width);
    out.filled(Part::feed_forward, layer + "mlp.down_proj.weight", {width, hidden}, Initial::zeros);
    if (config.post_norms) norm(layer + "post_feedforward_layernorm");
  }
  norm("model.norm");
  if (config.has_output_matrix()) out.linear(Part::output_head, "lm_head.weight", config.vocab_size, width);
  if (config.is_classifier()) {
    out.linear(Part::output_head, "classifier.weight", config.num_labels, config.classifier_inputs());
  }
  return std::move(out.list);
}

}  // namespace t6
