// A tokenizer's tokens as xgrammar wants them.
#pragma once

#include <xgrammar/xgrammar.h>

#include <cstdint>

#include "t6/text/tokenizer.h"

namespace t6 {

// Each token as the bytes that it stands for; special tokens and ids without a token as none, which no grammar matches.
// Error: a vocabulary smaller than the tokenizer's.
xgrammar::TokenizerInfo vocabulary_of(const Tokenizer& tokenizer, int64_t vocab_size);

}  // namespace t6
