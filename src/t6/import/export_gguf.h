// A model as a GGUF file, which llama.cpp runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "t6/import/import.h"

namespace t6 {

// Writes a model of an architecture that llama.cpp has: heads of mha, gqa or mqa and nothing that T6 alone knows. With
// biases of queries, keys and values it is a qwen2, with query and key norm a qwen3, else a llama, whose rows of
// queries and keys are put in the order in which pairs (2i, 2i + 1) rotate. Vectors are float32; matrices become
// `type`, one of kWeightTypes (bfloat16 where their rows are no whole blocks of it), or stay as they are stored where
// it is empty.
//
// Returns what GGUF cannot say and is left out, a line each. Errors, which `source` begins and which leave nothing:
// what llama.cpp cannot compute, by name; no tokenizer, or one that GGUF cannot describe; a number that the type cannot
// hold; `file` exists; a full disk.
std::vector<std::string> export_gguf(Context& context, ImportedModel model, std::optional<NumberType> type,
                                     const std::string& source, const std::filesystem::path& file);

}  // namespace t6
