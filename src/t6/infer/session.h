// One sequence that a model reads and writes: its tokens, and its cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/infer/cache.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"
#include "t6/infer/sampler.h"

namespace t6 {

// Prompts are read in pieces of this many tokens, so that cancelling is heeded and the buffers stay small.
constexpr int64_t kPromptChunk = 512;

enum class StopReason { max_tokens, end_of_text, stop_string, context_full, interrupted };
std::string_view stop_reason_name(StopReason reason);  // "max tokens"

struct GenerateOptions {
  int64_t max_tokens = 200;
  std::vector<std::string> stop = {};     // the text ends before the first of these
  std::vector<int32_t> stop_tokens = {};  // as do texts of the model's own with its end-of-text
  SamplerOptions sampler = {};
  const CancelToken* cancel = nullptr;
  int64_t log_probabilities = 0;  // of so many likeliest tokens at each token written
};

// A token that was written, and what the model thought there, before the sampler's options.
struct WrittenToken {
  int32_t id = 0;
  double log_probability = 0;
  std::vector<TokenLogProbability> likeliest;
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
  std::vector<WrittenToken> written;  // where log-probabilities were asked for

  double prompt_rate() const { return prompt_seconds > 0 ? static_cast<double>(prompt_tokens) / prompt_seconds : 0; }
  double decode_rate() const { return decode_seconds > 0 ? static_cast<double>(decode_steps) / decode_seconds : 0; }
};

class Session {
 public:
  // The context and the model outlive this.
  Session(Context& context, const LoadedModel& loaded, const CacheOptions& options = {});

  // Tokens that the model has read and those that it will read first when it goes on.
  const std::vector<int32_t>& tokens() const { return tokens_; }
  const FactorCache& cache() const { return cache_; }
  int64_t room() const { return cache_.limit() - static_cast<int64_t>(tokens_.size()); }

  // Adds tokens; the model reads them when it goes on. Error: they do not fit into the context.
  void append(std::span<const int32_t> ids);
  // Forgets the tokens from `size` on.
  void truncate(int64_t size);

  // Reads what is new and writes on. `show` gets the text in pieces of whole UTF-8 characters, as it comes. Cancelling
  // ends it early. What was written is among tokens() afterwards, but for the token that ended it.
  // Errors: no tokens yet, options out of range.
  Generated go_on(const GenerateOptions& options, const std::function<void(std::string_view)>& show);

  // The tokens and their cache in a file; the model reads first what it has not read. Errors: those of cache_file.h.
  void save(const std::filesystem::path& path);
  void load(const std::filesystem::path& path);

 private:
  bool read_all(const CancelToken* cancel);

  const LoadedModel& loaded_;
  ForwardPass pass_;
  FactorCache cache_;
  std::vector<int32_t> tokens_;    // the first cache_.size() of them are cached
  std::span<const float> logits_;  // after the last token, when all are cached
};

}  // namespace t6
