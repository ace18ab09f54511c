// The tokenizer.json of a new tokenizer.
#pragma once

#include <string>

#include "t6/formats/json.h"

namespace t6 {

// The parts of a tokenizer.json that come before the model.
struct TextPreparation {
  Json normalizer, pre_tokenizer;
};

// How a family of models prepares text: gpt2, llama3, qwen2 or smollm2; or bytes, which makes no cuts at all.
// Error: another name.
TextPreparation text_preparation(const std::string& family);

inline constexpr char kEndOfTextName[] = "<|endoftext|>";

// `vocabulary` maps spellings to ids, `merges` is an array of pairs of spellings; <|endoftext|> gets the id
// `end_of_text`.
Json tokenizer_json(TextPreparation preparation, Json vocabulary, Json merges, int32_t end_of_text);

}  // namespace t6
