// The tokenizer.json of a new tokenizer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "t6/formats/json.h"
#include "t6/text/tokenizer/added_tokens.h"

namespace t6 {

// The parts of a tokenizer.json around the model.
struct TextPreparation {
  Json normalizer, pre_tokenizer;
  Json decoder = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  bool byte_fallback = false;  // of the model
};

// How a family of models prepares text: gpt2, llama3, qwen2, smollm2, tekken (Mistral's), gpt-4o, seed-coder,
// deepseek-llm, deepseek-coder or deepseek-v3; llama.cpp, as that program cuts for models that do not say how; or
// bytes, which makes no cuts at all. Error: another name.
TextPreparation text_preparation(const std::string& family);

// SentencePiece's BPE: U+2581 for spaces, one before each text when `space_prefix`, and bytes for rare characters.
TextPreparation sentence_piece_preparation(bool space_prefix);

inline constexpr char kEndOfTextName[] = "<|endoftext|>";

// A BPE tokenizer's parts, in the form in which tokenizer.json has them.
struct NewTokenizer {
  TextPreparation preparation;
  Json vocabulary = Json::object();   // ids by spelling
  Json merges = Json::array();        // pairs of spellings
  Json added_tokens = Json::array();  // of added_token()
  Json post_processor = nullptr;
  bool ignore_merges = false;  // a word that is a token is not merged from its parts
};

// An entry of added_tokens that is found wherever it stands in a text.
Json added_token(std::string_view content, int64_t id, bool special);
Json added_token(const AddedToken& token);
// Without its id. Error: a key is missing or of another type; a content that no tokenizer has.
AddedToken added_token_from_json(const JsonObject& entry);

Json tokenizer_json(NewTokenizer parts);

}  // namespace t6
