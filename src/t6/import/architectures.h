// The architectures of other programs that T6 reads, a row each: all that differs between them once their sizes are
// read.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace t6 {

// Which layers a config.json gives a window, unless its "layer_types" say it.
enum class WindowRule {
  never,         // it is not looked at
  all,           // wherever there is a "sliding_window"
  later,         // with "use_sliding_window", those from the one numbered "max_window_layers" on
  not_rotating,  // with "use_sliding_window", those that do not rotate
  five_of_six    // all but each "sliding_window_pattern"-th
};

struct Architecture {
  std::string_view title;         // as people write it
  std::string_view hugging_face;  // "model_type" of a config.json
  std::string_view gguf = {};     // "general.architecture" of a GGUF file; empty: its files bear another row's name

  // What a config.json of transformers does not say; a GGUF file has tensors, or has none.
  bool query_key_value_bias = false;  // and none of the output projection; others have "attention_bias" for all four
  bool query_key_norm = false;
  WindowRule windows = WindowRule::never;
  bool skips_rotation = false;  // each "no_rope_layer_interval"-th layer, or those of "no_rope_layers"
  // Gemma 3's block: norms on both sides of attention and feed-forward, whose weights are stored less one, GELU, scaled
  // embeddings, "query_pre_attn_scalar", and a rotation of their own for layers with a window.
  bool gemma_block = false;
  bool ties_embeddings = false;  // where "tie_word_embeddings" is absent
  double rope_theta = 10000;     // where it is absent
  // llama.cpp knows a window of this architecture's files and no other's.
  bool gguf_slides = false;
  // llama.cpp's converter leaves rows of queries and keys in the order in which pairs (2i, 2i + 1) rotate.
  bool gguf_interleaves = false;
};

std::span<const Architecture> architectures();

// The row of this name. Error: none; it lists the names that there are, and `source` begins it.
const Architecture& hugging_face_architecture(std::string_view model_type, const std::string& source);
const Architecture& gguf_architecture(std::string_view name, const std::string& source);

// "llama, qwen2 and qwen3".
std::string hugging_face_names();
std::string gguf_names();

}  // namespace t6
