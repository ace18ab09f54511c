// A tokenizer.json as untrusted input: its parts, read and checked.
#pragma once

#include <string>
#include <vector>

#include "t6/text/tokenizer/added_tokens.h"
#include "t6/text/tokenizer/bpe.h"
#include "t6/text/tokenizer/normalizer.h"
#include "t6/text/tokenizer/pre_tokenizer.h"
#include "t6/text/tokenizer/vocabulary.h"

namespace t6 {

struct TokenizerFile {
  Vocabulary vocabulary;
  std::vector<AddedToken> added_tokens;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BytePairEncoder encoder;
  std::vector<int32_t> prefix;     // tokens before a text
  bool strips_space;               // decoding takes a space off the beginning
  std::vector<std::string> notes;  // what is read otherwise than the file says it, a line each
};

// `source` names the file in errors. Error: malformed, or something other than BPE, over bytes or with byte_fallback.
// Of the post-processor (tokens around a text) what comes before the text is read; truncation and padding are not: this
// library's callers decide about them.
TokenizerFile parse_tokenizer_file(std::string_view text, const std::string& source);

}  // namespace t6
