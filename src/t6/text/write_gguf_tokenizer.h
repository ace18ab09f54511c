// A tokenizer.json and what a model folder says beside it, as the keys of a GGUF file: what gguf_tokenizer.h reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/formats/gguf_writer.h"
#include "t6/text/text_settings.h"

namespace t6 {

// Adds tokenizer.ggml.*, the chat template and how tokens are chosen. The list of tokens has `rows` entries, as the
// model's embeddings have rows: ids without a token get names that no text is cut into. Returns what GGUF has no key
// for and is left out, a line each. Errors, which `source` begins: a tokenizer that is none; more tokens than rows; a
// way to cut text that has no name in GGUF; more than one token before a text; tokens that take white space along;
// merges that follow from no scores (of SentencePiece).
std::vector<std::string> add_gguf_tokenizer(GgufWriter& file, const std::string& tokenizer_json,
                                            const TextSettings& settings, int64_t rows, const std::string& source);

}  // namespace t6
