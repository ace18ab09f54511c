// The architectures of other programs that T6 reads, a row each: all that differs between them once their sizes are
// read.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace t6 {

struct Architecture {
  std::string_view title;         // as people write it
  std::string_view hugging_face;  // "model_type" of a config.json
  std::string_view gguf = {};     // "general.architecture" of a GGUF file; empty: its files bear another row's name

  // What a config.json of transformers does not say; a GGUF file has tensors, or has none.
  bool query_key_value_bias = false;  // and none of the output projection
  bool query_key_norm = false;
  bool always_slides = false;  // "sliding_window" is in use wherever it is; others have "use_sliding_window" beside it
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
