// The flags of every command that writes text: how tokens are chosen, and how the cache is kept.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "t6/infer/session.h"

namespace t6 {

// Adds --temperature, --top-k and their kind.
void add_sampler_flags(CLI::App& command, SamplerOptions& options);

// Adds --cache-type, one of kCacheTypes by name; `type` is the default.
void add_cache_type_flag(CLI::App& command, std::string& type);
// The default of commands that write text.
inline constexpr char kServingCacheType[] = "float16";  // half of float32's bytes; logits move by less than 1 %

struct CacheFlags {
  std::string type = kServingCacheType;
  std::string memory;
  int64_t context = 0;
};
// Adds --cache-type, --cache-memory and --context.
void add_cache_flags(CLI::App& command, CacheFlags& flags);
// Error: not a size.
CacheOptions cache_options(const CacheFlags& flags);

}  // namespace t6
