// The flags of every command that writes text: how tokens are chosen, and how the cache is kept.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "t6/infer/session.h"

namespace t6 {

// Adds --temperature, --top-k and their kind.
void add_sampler_flags(CLI::App& command, SamplerOptions& options);

struct CacheFlags {
  std::string type = "float16";  // half of float32's bytes; logits move by less than 1 %
  std::string memory;
  int64_t context = 0;
};
// Adds --cache-type, --cache-memory and --context.
void add_cache_flags(CLI::App& command, CacheFlags& flags);
// Error: an unknown type, or not a size.
CacheOptions cache_options(const CacheFlags& flags);

}  // namespace t6
