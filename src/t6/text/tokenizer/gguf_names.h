// What GGUF files call the parts of tokenizers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace t6 {

// Of tokenizer.ggml.token_type.
enum GgufTokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// A way to cut text (tokenizer.ggml.pre), and the family of tokenizer_json.h that cuts so.
struct GgufPreTokenizer {
  std::string_view name, family;
  bool whole_words = false;  // a word that is a token is not merged from its parts
  bool begins_text = false;  // adds the begin-of-text token unless the file says otherwise
};
std::span<const GgufPreTokenizer> gguf_pre_tokenizers();

// Whether a token ends a text or a turn by its name alone, as llama.cpp has it: many files name only one of their ends.
bool is_gguf_end_name(std::string_view token);

// "tokenizer.ggml.bos_token_id" for "bos"
std::string gguf_token_key(std::string_view name);

}  // namespace t6
