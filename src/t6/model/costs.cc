#include "t6/model/costs.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/model/cache_layout.h"
#include "t6/model/factors.h"

namespace t6 {

int64_t parameter_count(const ModelConfig& config) {
  int64_t total = 0;
  for (const auto& [part, count] : parameter_counts(config)) total += count;
  return total;
}

std::map<Part, int64_t> parameter_counts(const ModelConfig& config) {
  std::map<Part, int64_t> counts;
  for (const Parameter& parameter : parameters(config)) counts[parameter.part] += element_count(parameter.shape);
  return counts;
}

int64_t attention_parameters(const ModelConfig& config) {
  int64_t total = 0;
  const std::string prefix = layer_prefix(0) + "self_attn.";
  ModelConfig one = config;
  one.num_hidden_layers = 1;
  for (const Parameter& parameter : parameters(one)) {
    if (parameter.name.starts_with(prefix)) total += element_count(parameter.shape);
  }
  return total;
}

int64_t decode_multiply_adds(const ModelConfig& config) {
  const AttentionShape shape = attention_shape(config);
  const FactorShape &q = shape.q, &k = shape.k, &v = shape.v;
  const int64_t H = q.heads;
  // Values: mix R_V factors by head weights, or, when heads share factors one to one, just add them up.
  const int64_t value_cost = v.head == HeadFactor::grouped ? H * v.features : H * v.rank * v.features;
  if (k.head == HeadFactor::grouped) return H * k.features + value_cost;
  const int64_t dense = H * k.rank * k.features + H * k.rank;
  const int64_t factored = q.rank * k.rank * k.features + H * q.rank * k.rank;
  return (q.head == HeadFactor::grouped ? dense : std::min(dense, factored)) + value_cost;
}

double forward_flops(const ModelConfig& config, int64_t context) {
  double weights = 0;
  for (const Parameter& parameter : parameters(config)) {
    const bool lookup = parameter.part == Part::embedding && (config.has_output_matrix() || config.is_classifier());
    if (parameter.shape.size() == 2 && !lookup) weights += static_cast<double>(element_count(parameter.shape));
  }
  const double attention = static_cast<double>(config.num_hidden_layers * decode_multiply_adds(config));
  return 2 * (weights + attention * static_cast<double>(context));
}

int64_t cache_bytes(const ModelConfig& config, NumberType type) {
  return cache_bytes_per_token(page_layout(config, type));
}

int64_t longest_context(const ModelConfig& config, NumberType type, int64_t memory) {
  const int64_t room = std::max<int64_t>(0, memory - stored_bytes(type, parameter_count(config)));
  const PageLayout layout = page_layout(config, type);
  if (!gives_pages_back(layout)) return room / cache_bytes_per_token(layout);
  // Whole pages of what goes on growing bound it.
  int64_t growing = 0;
  for (const PageGroup& group : layout.groups) growing += group.window > 0 ? 0 : group.bytes;
  int64_t fits = 0, above = growing > 0 ? (room / growing + 1) * kPageTokens : config.max_position_embeddings;
  while (fits < above) {
    const int64_t middle = fits + (above - fits + 1) / 2;
    int64_t bytes = 0;
    for (const PageGroup& group : layout.groups) bytes += group.most_pages(middle) * group.bytes;
    if (bytes <= room) {
      fits = middle;
    } else {
      above = middle - 1;
    }
  }
  return fits;
}

int64_t cache_bytes_at(const ModelConfig& config, NumberType type, int64_t tokens) {
  return cache_bytes_of(page_layout(config, type), tokens);
}

void fit_heads(ModelConfig& config, int64_t target) {
  const int64_t step = config.attention_kind == AttentionKind::gqa ? config.num_key_value_heads : 1;
  config.num_attention_heads = step;
  const int64_t one = attention_parameters(config);
  config.num_attention_heads = 2 * step;
  const int64_t each = attention_parameters(config) - one;  // parameters grow linearly with the heads
  config.num_attention_heads = step * std::max<int64_t>(1, 1 + (target - one + each / 2) / each);
}

void fit_feed_forward(ModelConfig& config, int64_t target) {
  const int64_t missing = (target - parameter_count(config)) / config.num_hidden_layers;
  const int64_t row = 3 * config.hidden_size;
  const int64_t width = config.feed_forward_dim() + (missing + (missing < 0 ? -row : row) / 2) / row;
  config.intermediate_size = std::max<int64_t>(1, width);
}

ModelConfig equal_size_baseline(const ModelConfig& config, AttentionKind kind) {
  ModelConfig other;
  other.vocab_size = config.vocab_size;
  other.hidden_size = config.hidden_size;
  other.num_hidden_layers = config.num_hidden_layers;
  other.intermediate_size = config.intermediate_size;
  other.head_dim = config.head_dim;
  other.max_position_embeddings = config.max_position_embeddings;
  other.norm_weight = config.norm_weight;
  other.tie_word_embeddings = config.tie_word_embeddings;
  other.attention_kind = kind;
  if (kind == AttentionKind::gqa) other.num_key_value_heads = 2;
  const bool latent = kind == AttentionKind::mla;
  if (latent || kind == AttentionKind::mfa)
    other.q_lora_rank = std::min(8 * config.head_dim, std::max<int64_t>(1, config.hidden_size / 4 * 3));
  if (latent) {
    other.kv_lora_rank = std::min(4 * config.head_dim, std::max<int64_t>(1, config.hidden_size / 8 * 3));
    other.qk_rope_head_dim = std::max<int64_t>(2, config.head_dim / 4 * 2);
  }
  fit_heads(other, attention_parameters(config));
  return other;
}

}  // namespace t6
