// What a model is: the sizes, the attention and its options. A variant is a value here, never a copy of code.
// On disk this is config.json with Hugging Face's keys where they exist and plain words where they do not.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "t6/formats/json_object.h"
#include "t6/model/rope_scaling.h"

namespace t6 {

// Of widths, heads, ranks, layers and their kind. No model of today comes near; it keeps every product of three sizes
// inside int64.
inline constexpr int64_t kMaxModelSize = int64_t{1} << 20;

enum class AttentionKind { mha, mqa, gqa, mfa, mla, tpa, tpa_kvonly };
// Where a factor comes from: the token (W x), or a learned constant ("non-contextual", appendix G).
enum class FactorSource { contextual, constant };
// Applied to contextual head factors (appendix G), and what config.json calls it: the one list, from which
// configurations, error messages and the tests' models follow.
enum class HeadActivation { identity, sigmoid, softmax_heads, softmax_ranks };
inline constexpr auto kHeadActivations =
    std::to_array<std::pair<HeadActivation, const char*>>({{HeadActivation::identity, "identity"},
                                                           {HeadActivation::sigmoid, "sigmoid"},
                                                           {HeadActivation::softmax_heads, "softmax_heads"},
                                                           {HeadActivation::softmax_ranks, "softmax_ranks"}});

// First values of factors: the paper's, or such that attention begins as grouped query attention.
enum class FactorInit { xavier, grouped };

// What a layer attends to, and Hugging Face's names for it (layer_types).
enum class LayerType { full, sliding };
inline constexpr auto kLayerTypes = std::to_array<std::pair<LayerType, const char*>>(
    {{LayerType::full, "full_attention"}, {LayerType::sliding, "sliding_attention"}});
// Of the feed-forward's gate (hidden_act).
enum class GateActivation { silu, gelu_tanh };
inline constexpr auto kGateActivations = std::to_array<std::pair<GateActivation, const char*>>(
    {{GateActivation::silu, "silu"}, {GateActivation::gelu_tanh, "gelu_pytorch_tanh"}});

// What of a document's hidden states a classifier looks at: their mean, or the last token's.
enum class LabelPooling { mean, last };
inline constexpr auto kLabelPoolings =
    std::to_array<std::pair<LabelPooling, const char*>>({{LabelPooling::mean, "mean"}, {LabelPooling::last, "last"}});

struct ModelConfig {
  // Sizes.
  int64_t vocab_size = 257;  // 256 bytes and end-of-text
  int64_t hidden_size = 128;
  int64_t num_hidden_layers = 4;
  int64_t intermediate_size = 0;    // 0: floor(8/3 hidden_size)
  int64_t num_attention_heads = 4;  // H
  int64_t head_dim = 32;            // D; for MLA the part of a key that is not rotated
  int64_t v_head_dim = 0;           // E; 0: head_dim
  int64_t max_position_embeddings = 1024;

  // Attention.
  AttentionKind attention_kind = AttentionKind::tpa;
  int64_t num_key_value_heads = 0;                       // G, for gqa; mha has H, mqa and mfa 1
  int64_t q_rank = 6, k_rank = 2, v_rank = 2;            // R_Q (tpa), R_K, R_V (tpa, tpa_kvonly)
  FactorSource head_factors = FactorSource::contextual;  // of tpa and tpa_kvonly
  FactorSource feature_factors = FactorSource::contextual;
  HeadActivation head_activation = HeadActivation::identity;
  bool head_factor_bias = false;  // contextual head factors are c + W x, before their activation
  FactorInit factor_init = FactorInit::xavier;
  double head_factor_init_scale = 1;  // times the first values of W
  // b of K is b of V: cached once, as W x gives it; keys rotate it when they are used. Needs k_rank ==
  // v_rank, D == E.
  bool shared_kv_features = false;
  // d_c of third-order factors (appendix C): b = vec(b' (outer) c), head_dim = d_b d_c. 1: second order.
  int64_t third_order_dim = 1;
  int64_t q_lora_rank = 0;       // d_q, query compression of mla and mfa
  int64_t kv_lora_rank = 0;      // d_c of mla
  int64_t qk_rope_head_dim = 0;  // d_r of mla

  // Options of any kind.
  double rope_theta = 10000;
  RopeScaling rope_scaling = {};
  double partial_rotary_factor = 1;    // the first floor_even(factor * D) features rotate
  bool head_output_norm = false;       // RMSNorm over each head's output, weighted, epsilon 1e-5 ("subln")
  bool output_gate = false;            // sigmoid(W_g x) times the heads' output
  bool attention_bias = false;         // q, k and v are W x + bias (Qwen2); of mha, mqa and gqa
  bool attention_output_bias = false;  // and so is the output projection (Llama's attention_bias)
  bool kv_shift = false;               // keys and values mixed with the previous token's, by weights a head
  bool query_key_norm = false;         // RMSNorm over each feature factor of q and k before rotation, weighted
  bool norm_weight = true;             // the block's RMSNorms have weights; the paper's reference has none
  double rms_norm_eps = 1.1920928955078125e-07;  // float32's machine epsilon, as in the reference
  bool tie_word_embeddings = true;
  bool post_norms = false;  // RMSNorms behind attention and feed-forward too, before they are added to the stream
  GateActivation hidden_act = GateActivation::silu;
  double embedding_scale = 1;        // what the embeddings of tokens are multiplied by; not those of the output head
  double query_pre_attn_scalar = 0;  // logits are divided by its square root; 0: by that of a key's features

  // Layers that differ; layer_attention.h says what follows for each.
  int64_t sliding_window = 0;               // tokens, itself among them, that a layer which slides sees; 0: none slides
  std::vector<LayerType> layer_types = {};  // one a layer; empty: all slide where there is a window
  int64_t attention_sinks = 0;              // first tokens of all that layers which slide see, too
  double rope_local_base_freq = 0;          // the base, unscaled, of layers that slide; 0: rope_theta
  std::vector<int64_t> no_rope_layers = {};  // one a layer, 0: it does not rotate, 1: it does; empty: all do

  // Of classifiers, which give documents labels and have no output head.
  int64_t num_labels = 0;  // 0: a language model
  LabelPooling label_pooling = LabelPooling::mean;
  bool label_pairs = false;    // a label is of two documents, which the same model reads apart
  bool bidirectional = false;  // tokens see those after them, too

  bool is_classifier() const { return num_labels > 0; }
  bool has_output_matrix() const { return !is_classifier() && !tie_word_embeddings; }  // lm_head.weight
  // Rows of hidden states that the labels' matrix is as wide as: those of two documents, product and difference.
  int64_t classifier_inputs() const { return (label_pairs ? 4 : 1) * hidden_size; }
  bool slides(int64_t layer) const {
    return sliding_window > 0 && (layer_types.empty() || layer_types[static_cast<size_t>(layer)] == LayerType::sliding);
  }
  int64_t value_dim() const { return v_head_dim ? v_head_dim : head_dim; }  // E
  int64_t feed_forward_dim() const { return intermediate_size ? intermediate_size : 8 * hidden_size / 3; }
  bool is_factored() const {
    return attention_kind == AttentionKind::tpa || attention_kind == AttentionKind::tpa_kvonly;
  }
};

std::string attention_kind_name(AttentionKind kind);  // "tpa_kvonly"
AttentionKind parse_attention_kind(const std::string& name);
LabelPooling parse_label_pooling(const std::string& name, const std::string& source);  // `source` begins the error

// Throws when sizes or options do not go together; `source` begins the message.
void check_config(const ModelConfig& config, const std::string& source);

// Errors for keys of `given` that models of config's kind do not use: a rank without factors, say. For what people
// write; a config.json holds every key.
void require_used_keys(const Json& given, const ModelConfig& config, const std::string& source);

// The keys that say how a model attends, and how large that is: what one kind's configuration means by them another's
// does not.
bool is_attention_key(const std::string& key);

// Reads and checks a configuration. Keys that are absent keep the value in `base`; unknown keys are an error
// when `strict` (our own TOML), and are passed over in a config.json, which carries other programs' keys too.
ModelConfig config_from_json(const Json& json, const std::string& source, const ModelConfig& base = {},
                             bool strict = false);
Json config_to_json(const ModelConfig& config);

// Whether a folder's config.json is of ours ("model_type" is "t6") and not of another program.
bool is_own_config(const std::filesystem::path& folder);

// config.json of a model folder.
ModelConfig read_config(const std::filesystem::path& folder);

}  // namespace t6
