#include "t6/infer/session.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/infer/cache_file.h"
#include "t6/infer/engine/stop_strings.h"

namespace t6 {

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

Session::Session(Context& context, const LoadedModel& loaded, const CacheOptions& options)
    : loaded_(loaded), pass_(context, loaded.model), cache_(loaded.config(), options) {}

void Session::append(std::span<const int32_t> ids) {
  require(static_cast<int64_t>(ids.size()) <= room(), "{} more tokens do not fit: {} of the context's {} are taken",
          ids.size(), tokens_.size(), cache_.limit());
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
}

void Session::truncate(int64_t size) {
  require(size >= 0 && size <= static_cast<int64_t>(tokens_.size()), "a sequence of {} tokens cannot be cut to {}",
          tokens_.size(), size);
  tokens_.resize(static_cast<size_t>(size));
  cache_.truncate(std::min(size, cache_.size()));
}

// Reads what is not cached yet; false: interrupted.
bool Session::read_all(const CancelToken* cancel) {
  const auto all = static_cast<int64_t>(tokens_.size());
  require(all > 0, "the prompt is empty");
  // Logits come with the last token only, so it is read again where they are not there.
  cache_.truncate(std::min(cache_.size(), all - 1));
  while (cache_.size() < all) {
    if (cancel && cancel->cancelled()) return false;
    const int64_t count = std::min(kPromptChunk, all - cache_.size());
    const auto ids = std::span(tokens_).subspan(static_cast<size_t>(cache_.size()), static_cast<size_t>(count));
    logits_ = pass_.run(ids, cache_, cache_.size() + count == all ? Logits::last : Logits::none);
  }
  return true;
}

Generated Session::go_on(const GenerateOptions& options, const std::function<void(std::string_view)>& show) {
  require(options.max_tokens >= 1, "the number of tokens to generate must be at least 1, not {}", options.max_tokens);
  Sampler sampler(options.sampler);
  StopStrings stop(options.stop);
  StreamDecoder decoder(loaded_.tokenizer, /*skip_special=*/true);
  sampler.accept(tokens_);
  Generated result;
  const auto append = [&](const std::string& piece) {
    result.text += piece;
    if (!piece.empty()) show(piece);
  };

  const Stopwatch prompt_time;
  const int64_t cached = cache_.size();
  bool going = read_all(options.cancel);
  result.prompt_seconds = prompt_time.seconds();
  result.prompt_tokens = cache_.size() - std::min(cached, cache_.size() - 1);
  if (!going) result.reason = StopReason::interrupted;
  const Stopwatch decode_time;
  while (going) {
    if (options.cancel && options.cancel->cancelled()) {
      result.reason = StopReason::interrupted;
      break;
    }
    const int32_t id = sampler.sample(logits_);
    if (options.log_probabilities > 0) {
      result.written.push_back(
          {id, log_probability(logits_, id), top_log_probabilities(logits_, options.log_probabilities)});
    }
    if (loaded_.ends_text(id) || std::ranges::count(options.stop_tokens, id) > 0) {
      result.reason = StopReason::end_of_text;
      break;
    }
    sampler.accept({&id, 1});
    ++result.tokens;
    append(stop.push(decoder.push(id)));
    const bool full = room() == 0;
    if (!full) tokens_.push_back(id);
    if (stop.found()) {
      result.reason = StopReason::stop_string;
      break;
    }
    if (result.tokens == options.max_tokens) break;
    if (full) {
      result.reason = StopReason::context_full;
      break;
    }
    logits_ = pass_.run({&id, 1}, cache_, Logits::last);
    ++result.decode_steps;
  }
  result.decode_seconds = decode_time.seconds();
  append(stop.push(decoder.finish()));
  append(stop.finish());
  result.cache_bytes = cache_.bytes();
  result.cache_bytes_per_token = cache_.bytes_per_token();
  return result;
}

void Session::save(const std::filesystem::path& path) {
  if (!tokens_.empty()) read_all(nullptr);
  save_cache(path, *loaded_.model, cache_, tokens_);
}

void Session::load(const std::filesystem::path& path) { tokens_ = load_cache(path, *loaded_.model, cache_); }

}  // namespace t6
