// The tokens of texts that a model is measured on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "t6/text/documents.h"
#include "t6/text/tokenizer.h"

namespace t6 {

// The first `limit` tokens (0: all) of the documents in `inputs`, which are read as 't6 prepare' reads them, each with
// the tokens that a text begins with, and the end of text, where the tokenizer has one, between two. Errors: those of
// find_documents and DocumentReader.
std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, const std::vector<std::filesystem::path>& inputs,
                                     const DocumentOptions& options, int64_t limit);

}  // namespace t6
