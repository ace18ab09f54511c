#include "t6/infer/generate.h"

#include <algorithm>
#include <chrono>

#include "t6/core/error.h"
#include "t6/core/interrupt.h"
#include "t6/infer/forward.h"
#include "t6/infer/stop_strings.h"

namespace t6 {
namespace {

// Tokens of a prompt in one pass: enough to fill the kernels, few enough to answer Ctrl-C.
constexpr size_t kPrefillTokens = 256;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

// The logits after the whole prompt; empty when interrupted.
std::span<const float> prefill(ForwardPass& pass, std::span<const int32_t> prompt, FactorCache& cache) {
  std::span<const float> logits;
  while (!prompt.empty()) {
    if (interrupted()) return {};
    const size_t count = std::min(kPrefillTokens, prompt.size());
    logits = pass.run(prompt.first(count), cache, count == prompt.size() ? Logits::last : Logits::none);
    prompt = prompt.subspan(count);
  }
  return logits;
}

}  // namespace

std::string_view stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::max_tokens:
      return "max tokens";
    case StopReason::end_of_text:
      return "end of text";
    case StopReason::stop_string:
      return "stop string";
    case StopReason::context_full:
      return "context full";
    case StopReason::interrupted:
      return "interrupted";
  }
  fail("unknown stop reason {}", static_cast<int>(reason));
}

Generated generate(const LoadedModel& loaded, std::string_view prompt, const GenerateOptions& options,
                   const std::function<void(std::string_view)>& show) {
  require(options.max_tokens >= 1, "the number of tokens to generate must be at least 1, not {}", options.max_tokens);
  Sampler sampler(options.sampler);
  StopStrings stop(options.stop);
  const std::vector<int32_t> ids = loaded.tokenizer->encode_whole(prompt);
  require(!ids.empty(), "the prompt is empty");
  FactorCache cache(loaded.config());
  require(static_cast<int64_t>(ids.size()) <= cache.limit(),
          "the prompt has {} tokens, and the model's context (max_position_embeddings) is {}", ids.size(),
          cache.limit());

  Generated result;
  const auto append = [&](const std::string& piece) {
    result.text += piece;
    if (!piece.empty()) show(piece);
  };
  ForwardPass pass(loaded.model);
  StreamDecoder decoder(loaded.tokenizer, /*skip_special=*/true);

  const Stopwatch prompt_time;
  std::span<const float> logits = prefill(pass, ids, cache);
  result.prompt_seconds = prompt_time.seconds();
  result.prompt_tokens = cache.size();
  const Stopwatch decode_time;
  for (;;) {
    if (interrupted()) {
      result.reason = StopReason::interrupted;
      break;
    }
    const int32_t id = sampler.sample(logits);
    if (loaded.ends_text(id)) {
      result.reason = StopReason::end_of_text;
      break;
    }
    ++result.tokens;
    append(stop.push(decoder.push(id)));
    if (stop.found()) {
      result.reason = StopReason::stop_string;
      break;
    }
    if (result.tokens == options.max_tokens) break;
    if (cache.room() == 0) {
      result.reason = StopReason::context_full;
      break;
    }
    logits = pass.run({&id, 1}, cache, Logits::last);
    ++result.decode_steps;
  }
  result.decode_seconds = decode_time.seconds();
  append(stop.push(decoder.finish()));
  append(stop.finish());
  result.cache_bytes = cache.bytes();
  result.cache_bytes_per_token = cache.bytes_per_token();
  return result;
}

}  // namespace t6
