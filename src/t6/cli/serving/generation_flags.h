// The flags of every command that writes text: how tokens are chosen, and how the cache is kept.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "t6/infer/session.h"

namespace t6 {

// Adds --temperature, --top-k and their kind, and --stop-token.
struct ChoiceFlags {
  SamplerOptions sampler;
  std::vector<std::string> stop_tokens;
};
void add_choice_flags(CLI::App& command, ChoiceFlags& flags);
// What the flags of `command` say, and the model's own settings where no flag of it was given, of which one line on
// standard error tells. Errors: a stop token that is none of the model's, or not one.
void apply_choice(const CLI::App& command, const ChoiceFlags& flags, const LoadedModel& loaded,
                  GenerateOptions& options);

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

// Says on standard error that a window of so many tokens is longer than the model's context.
void warn_beyond_context(const LoadedModel& loaded, int64_t tokens);

}  // namespace t6
