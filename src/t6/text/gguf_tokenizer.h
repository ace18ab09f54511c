// The tokenizer inside a GGUF file as a tokenizer.json.
#pragma once

#include <string>
#include <vector>

#include "t6/formats/gguf.h"
#include "t6/text/text_settings.h"

namespace t6 {

// The text of a tokenizer.json. Errors name what is not supported: the kind of tokenizer, how it cuts text.
std::string gguf_tokenizer_json(const GgufFile& file);

// The chat template, the tokens that begin and end texts, and how tokens are chosen.
TextSettings gguf_text_settings(const GgufFile& file);

// What the file says about tokens and is passed over, a line each: ids of special tokens that no token has.
std::vector<std::string> gguf_tokenizer_notes(const GgufFile& file);

}  // namespace t6
