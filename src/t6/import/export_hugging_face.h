// A model as a folder that Hugging Face's transformers load with nothing of T6 installed (trust_remote_code).
#pragma once

#include <filesystem>
#include <string_view>

#include "t6/import/import.h"

namespace t6 {

// The modules of the Python package (python/t6/), which such a folder carries.
std::string_view nn_python_text();
std::string_view configuration_python_text();
std::string_view modeling_python_text();

// Writes config.json, model.safetensors, the three Python files and, where the model has a tokenizer, tokenizer.json,
// tokenizer_config.json and generation_config.json. Matrices in blocks become float32, other numbers stay as they are
// stored. It gets its name when all of it is written. Errors: `folder` exists, or those of PartialFolder; a full disk;
// a tokenizer that is none.
void export_hugging_face(const ImportedModel& model, const std::filesystem::path& folder);

}  // namespace t6
