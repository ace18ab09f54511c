// What a model folder says about texts beside tokenizer.json: how a conversation is written and where a text ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "t6/text/sampling_settings.h"

namespace t6 {

struct TextSettings {
  std::string chat_template;                             // Jinja; empty: the model has none
  std::string bos_token, eos_token;                      // names for the template; empty: none
  std::vector<int32_t> end_of_text;                      // ids that end a generated text
  std::map<std::string, std::string> other_tokens = {};  // for the template, too: "pad_token", ...
  SamplingSettings sampling = {};

  bool operator==(const TextSettings&) const = default;
};

// From tokenizer_config.json ("chat_template", "bos_token", "eos_token", "pad_token", ...), special_tokens_map.json
// (whose names come before those of a tokenizer_config.json without "added_tokens_decoder", as in transformers),
// chat_template.jinja (before tokenizer_config.json's), generation_config.json (sampling_settings.h), and the latter or
// config.json ("eos_token_id"). Files and keys may be absent.
TextSettings read_text_settings(const std::filesystem::path& folder);

// Writes tokenizer_config.json and generation_config.json.
void write_text_settings(const std::filesystem::path& folder, const TextSettings& settings);

}  // namespace t6
