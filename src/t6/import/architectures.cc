#include "t6/import/architectures.h"

#include <fmt/ranges.h>

#include <vector>

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr Architecture kArchitectures[] = {
    {.title = "Llama", .hugging_face = "llama", .gguf = "llama", .gguf_interleaves = true},
    {.title = "Mistral", .hugging_face = "mistral", .windows = WindowRule::all},  // GGUF files of it say llama
    {.title = "Qwen2",
     .hugging_face = "qwen2",
     .gguf = "qwen2",
     .query_key_value_bias = true,
     .windows = WindowRule::later},
    {.title = "Qwen3", .hugging_face = "qwen3", .gguf = "qwen3", .query_key_norm = true, .windows = WindowRule::later},
    {.title = "SmolLM3",
     .hugging_face = "smollm3",
     .gguf = "smollm3",
     .windows = WindowRule::not_rotating,
     .skips_rotation = true,
     .ties_embeddings = true,
     .rope_theta = 2e6,
     .gguf_interleaves = true},
    {.title = "Gemma 3",
     .hugging_face = "gemma3_text",
     .gguf = "gemma3",
     .query_key_norm = true,
     .windows = WindowRule::five_of_six,
     .gemma_block = true,
     .ties_embeddings = true,
     .rope_theta = 1e6,
     .gguf_slides = true}};

using Name = std::string_view Architecture::*;

std::string names(Name name) {
  std::vector<std::string_view> list;
  for (const Architecture& row : kArchitectures) {
    if (!(row.*name).empty()) list.push_back(row.*name);
  }
  const std::string_view last = list.back();
  list.pop_back();
  return fmt::format("{} and {}", fmt::join(list, ", "), last);
}

const Architecture* find(Name name, std::string_view wanted) {
  for (const Architecture& row : kArchitectures) {
    if (row.*name == wanted && !wanted.empty()) return &row;
  }
  return nullptr;
}

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

std::string hugging_face_names() { return names(&Architecture::hugging_face); }
std::string gguf_names() { return names(&Architecture::gguf); }

const Architecture& hugging_face_architecture(std::string_view model_type, const std::string& source) {
  const Architecture* found = find(&Architecture::hugging_face, model_type);
  require(found, "{}: \"model_type\" is \"{}\", which is not supported (t6, {} are)", source, model_type,
          hugging_face_names());
  return *found;
}

const Architecture& gguf_architecture(std::string_view name, const std::string& source) {
  const Architecture* found = find(&Architecture::gguf, name);
  require(found, "{}: the architecture \"{}\" is not supported ({} are)", source, name, gguf_names());
  return *found;
}

}  // namespace t6
