// Continues a text: prefill, then one token at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "t6/infer/load.h"
#include "t6/infer/sampler.h"

namespace t6 {

enum class StopReason { max_tokens, end_of_text, stop_string, context_full, interrupted };
std::string_view stop_reason_name(StopReason reason);  // "max tokens"

struct GenerateOptions {
  int64_t max_tokens = 200;
  std::vector<std::string> stop = {};  // the text ends before the first of these
  SamplerOptions sampler = {};
};

// All figures are measured in this run.
struct Generated {
  std::string text;
  StopReason reason = StopReason::max_tokens;
  int64_t prompt_tokens = 0;
  int64_t tokens = 0;
  int64_t decode_steps = 0;  // forward passes of one token: the first token comes with the prompt's pass
  double prompt_seconds = 0, decode_seconds = 0;
  int64_t cache_bytes = 0, cache_bytes_per_token = 0;

  double prompt_rate() const { return prompt_seconds > 0 ? static_cast<double>(prompt_tokens) / prompt_seconds : 0; }
  double decode_rate() const { return decode_seconds > 0 ? static_cast<double>(decode_steps) / decode_seconds : 0; }
};

// `show` gets the text in pieces of whole UTF-8 characters, as it comes. Ctrl-C (interrupted()) ends it early. Errors:
// an empty prompt, one longer than the model's context, options out of range.
Generated generate(const LoadedModel& loaded, std::string_view prompt, const GenerateOptions& options,
                   const std::function<void(std::string_view)>& show);

}  // namespace t6
