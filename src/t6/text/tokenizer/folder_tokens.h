// The tokens that files beside a tokenizer.json add to it or describe anew, as Hugging Face's transformers read them.
#pragma once

#include <filesystem>
#include <string>

namespace t6 {

// `tokenizer_json`, the text of a tokenizer.json, with what tokenizer_config.json ("added_tokens_decoder", "bos_token",
// ..., "extra_special_tokens", "additional_special_tokens") names; where it has no "added_tokens_decoder", with what
// special_tokens_map.json and added_tokens.json name, too. The same text where that is nothing new. Files and keys may
// be absent. Errors name the file and the key.
std::string with_tokens_of_folder(std::string tokenizer_json, const std::filesystem::path& folder);

}  // namespace t6
