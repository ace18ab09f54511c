// Models of other programs' making: what T6 must read as the same model that its own folder holds.
#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "t6/formats/safetensors.h"
#include "t6/import/architectures.h"
#include "t6/text/tokenizer/byte_level.h"
#include "t6/text/tokenizer/spelling.h"
#include "tests/formats/gguf_builder.h"
#include "tests/infer/random_weights.h"

namespace t6 {

// A small Llama; its vocabulary is that of gguf_vocabulary().
inline ModelConfig llama_config() {
  ModelConfig config;
  config.attention_kind = AttentionKind::gqa;
  config.vocab_size = 260;
  config.hidden_size = 32;
  config.num_hidden_layers = 2;
  config.intermediate_size = 64;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 12;  // not hidden_size / num_attention_heads
  config.max_position_embeddings = 64;
  config.rms_norm_eps = 1e-5;
  return config;
}

// The same as another architecture has it: eight layers where layers differ.
inline ModelConfig config_of(const Architecture& architecture) {
  ModelConfig config = llama_config();
  config.attention_bias = architecture.query_key_value_bias;
  config.query_key_norm = architecture.query_key_norm;
  if (architecture.skips_rotation || architecture.gemma_block) config.num_hidden_layers = 8;
  if (architecture.skips_rotation) config.no_rope_layers = {1, 1, 1, 0, 1, 1, 1, 0};
  if (!architecture.gemma_block) return config;
  config.post_norms = true;
  config.hidden_act = GateActivation::gelu_tanh;
  config.embedding_scale = std::sqrt(32.0);
  config.query_pre_attn_scalar = 12;
  config.sliding_window = 5;
  config.layer_types.assign(8, LayerType::sliding);
  config.layer_types[5] = LayerType::full;
  config.rope_theta = 1e6;
  config.rope_local_base_freq = 10000;
  return config;
}

// What llama.cpp's converter does to rows of q and k: pairs (i, i + D/2) of a head become neighbours.
inline std::vector<float> interleaved(const std::vector<float>& rows, int64_t count, int64_t head_dim) {
  const size_t width = rows.size() / static_cast<size_t>(count);
  std::vector<float> out(rows.size());
  for (int64_t row = 0; row < count; ++row) {
    const int64_t head = row / head_dim, feature = row % head_dim;
    const int64_t to = head * head_dim + feature % (head_dim / 2) * 2 + feature / (head_dim / 2);
    for (size_t i = 0; i < width; ++i) {
      out[static_cast<size_t>(to) * width + i] = rows[static_cast<size_t>(row) * width + i];
    }
  }
  return out;
}

// 256 bytes, <s>, </s>, <|turn|> and the word "hi".
inline void add_vocabulary(GgufBuilder& builder, const std::string& pre = "smollm") {
  std::vector<std::string> tokens;
  std::vector<int32_t> types(256, 1);
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(byte_level_spelling(std::string(1, static_cast<char>(byte))));
  tokens.insert(tokens.end(), {"<s>", "</s>", "<|turn|>", "hi"});
  types.insert(types.end(), {3, 3, 4, 1});
  builder.add("tokenizer.ggml.model", "gpt2");
  builder.add("tokenizer.ggml.pre", pre.c_str());
  builder.add("tokenizer.ggml.tokens", tokens);
  builder.add("tokenizer.ggml.token_type", types);
  builder.add("tokenizer.ggml.merges", std::vector<std::string>{"h i"});
  builder.add("tokenizer.ggml.bos_token_id", 256u);
  builder.add("tokenizer.ggml.eos_token_id", 257u);
  builder.add("tokenizer.ggml.eot_token_id", 258u);
  builder.add("tokenizer.chat_template", "{{ messages }}");
}

// As Llama 2 has it: <unk>, <s>, </s>, 256 bytes, and a piece.
inline void add_sentence_pieces(GgufBuilder& builder) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(byte_token(byte));
  std::vector<int32_t> types(tokens.size(), 6);
  types[0] = 2;
  types[1] = types[2] = 3;
  tokens.emplace_back("▁");
  types.push_back(1);
  builder.add("tokenizer.ggml.model", "llama");
  builder.add("tokenizer.ggml.tokens", tokens);
  builder.add("tokenizer.ggml.token_type", types);
  builder.add("tokenizer.ggml.scores", std::vector<float>(tokens.size()));
  builder.add("tokenizer.ggml.bos_token_id", 1u);
  builder.add("tokenizer.ggml.eos_token_id", 2u);
  builder.add("tokenizer.chat_template", "{{ bos_token + '[INST] ' + messages[0]['content'] + ' [/INST]' }}");
}

inline void add_sizes(GgufBuilder& builder, const ModelConfig& config, const std::string& architecture) {
  const auto key = [&](const char* name) { return architecture + "." + name; };
  const auto size = [](int64_t value) { return static_cast<uint32_t>(value); };
  builder.add("general.architecture", architecture.c_str());
  builder.add(key("block_count"), size(config.num_hidden_layers));
  builder.add(key("context_length"), size(config.max_position_embeddings));
  builder.add(key("embedding_length"), size(config.hidden_size));
  builder.add(key("feed_forward_length"), size(config.feed_forward_dim()));
  builder.add(key("attention.head_count"), size(config.num_attention_heads));
  builder.add(key("attention.head_count_kv"), size(attention_shape(config).k.rank));
  builder.add(key("attention.key_length"), size(config.head_dim));
  builder.add(key("attention.value_length"), size(config.value_dim()));
  builder.add(key("attention.layer_norm_rms_epsilon"), static_cast<float>(config.rms_norm_eps));
  builder.add(key("rope.freq_base"), static_cast<float>(config.rope_theta));
  if (config.sliding_window > 0) builder.add(key("attention.sliding_window"), size(config.sliding_window));
}

inline std::string gguf_tensor_name(std::string name, bool post_norms = false) {
  const std::pair<const char*, const char*> kParts[] = {
      {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},
      {"lm_head", "output"},
      {"model.layers.", "blk."},
      {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", post_norms ? "post_attention_norm" : "ffn_norm"},
      {"pre_feedforward_layernorm", "ffn_norm"},
      {"post_feedforward_layernorm", "post_ffw_norm"},
      {"self_attn.o_proj", "attn_output"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"}};
  for (const auto& [ours, theirs] : kParts) {
    const size_t at = name.find(ours);
    if (at != std::string::npos) name.replace(at, std::string(ours).size(), theirs);
  }
  return name;
}

inline void add_tensors(GgufBuilder& builder, const ModelConfig& config, const NamedFloats& tensors, bool interleave,
                        std::span<const Parameter> which) {
  for (const Parameter& parameter : which) {
    std::vector<float> numbers = tensors.at(parameter.name);
    const bool rotates =
        parameter.name.find("q_proj") != std::string::npos || parameter.name.find("k_proj") != std::string::npos;
    if (interleave && rotates) numbers = interleaved(numbers, parameter.shape.front(), config.head_dim);
    builder.add_tensor(gguf_tensor_name(parameter.name, config.post_norms), parameter.shape, numbers);
  }
}

inline void add_tensors(GgufBuilder& builder, const ModelConfig& config, const NamedFloats& tensors, bool interleave) {
  add_tensors(builder, config, tensors, interleave, parameters(config));
}

// The whole model as a GGUF file.
inline GgufBuilder gguf_model(const ModelConfig& config, const NamedFloats& tensors,
                              const std::string& architecture = "llama") {
  GgufBuilder builder;
  add_sizes(builder, config, architecture);
  add_vocabulary(builder);
  add_tensors(builder, config, tensors, gguf_architecture(architecture, "test").gguf_interleaves);
  return builder;
}

}  // namespace t6
