#include "t6/infer/sequence.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "t6/core/error.h"

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
    case StopReason::error:
      return "error";
  }
  fail("unknown stop reason {}", static_cast<int>(reason));
}

Sequence::Sequence(const LoadedModel& loaded, const CacheOptions& options)
    : tokenizer_(loaded.tokenizer),
      ends_(loaded.text.end_of_text),
      vocab_size_(static_cast<size_t>(loaded.config().vocab_size)),
      cache_(loaded.config(), options) {
  if (const auto id = tokenizer_->end_of_text()) ends_.push_back(*id);
}

void Sequence::append(std::span<const int32_t> ids) {
  require(!in_engine(), "tokens cannot be added while a generation is under way");
  require(static_cast<int64_t>(ids.size()) <= room(), "{} more tokens do not fit: {} of the context's {} are taken",
          ids.size(), tokens_.size(), cache_.limit());
  for (const int32_t id : ids) {
    require(id >= 0 && static_cast<size_t>(id) < vocab_size_,
            "the token {:?} has the id {}, outside the model's vocabulary of {}", std::string(tokenizer_->token(id)),
            id, vocab_size_);
  }
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
}

void Sequence::truncate(int64_t size) {
  require(!in_engine(), "tokens cannot be taken away while a generation is under way");
  require(size >= 0 && size <= static_cast<int64_t>(tokens_.size()), "a sequence of {} tokens cannot be cut to {}",
          tokens_.size(), size);
  tokens_.resize(static_cast<size_t>(size));
  cache_.truncate(std::min(size, cache_.size()));
}

void Sequence::restore(std::vector<int32_t> tokens, FactorCache cache) {
  require(!in_engine(), "a sequence cannot be replaced while a generation is under way");
  require(cache.size() <= static_cast<int64_t>(tokens.size()), "the cache holds {} tokens, of {} that were given",
          cache.size(), tokens.size());
  tokens_ = std::move(tokens);
  cache_ = std::move(cache);
  state_ = SequenceState::idle;
}

void Sequence::begin(const GenerateOptions& options) {
  require(!in_engine(), "a generation is under way");
  require(!tokens_.empty(), "the prompt is empty");
  require(options.max_tokens >= 0, "the number of tokens to generate must be 0 or more, not {}", options.max_tokens);
  require(options.min_tokens >= 0, "the least number of tokens must be 0 or more, not {}", options.min_tokens);
  require(!options.constraint || options.constraint->vocab_size() == static_cast<int64_t>(vocab_size_),
          "the constraint is for a vocabulary of {}, the model's has {}",
          options.constraint ? options.constraint->vocab_size() : 0, vocab_size_);
  Writing writing = {options, Sampler(options.sampler), StopStrings(options.stop),
                     StreamDecoder(tokenizer_, /*skip_special=*/true)};
  std::vector<int32_t>& stops = writing.options.stop_tokens;
  if (!options.ignore_eos) stops.insert(stops.end(), ends_.begin(), ends_.end());
  if (options.max_tokens > 0) writing.sampler.accept_prompt(tokens_);
  writing_.emplace(std::move(writing));
  result_ = {};
  prompt_end_ = static_cast<int64_t>(tokens_.size());
  // Logits come with the last token only, so it is read again where they are not there.
  cache_.truncate(std::min(cache_.size(), prompt_end_ - 1));
  origin_ = cache_.size();
  logits_taken_ = hidden_taken_ = 0;
  started_ = prompt_read_ = false;
  state_ = SequenceState::waiting;
  clock_ = Stopwatch();
}

void Sequence::start() {
  state_ = prompt_read_ ? SequenceState::generating : SequenceState::reading;
  if (started_) return;
  started_ = true;
  result_.waiting_seconds = clock_.seconds();
  clock_ = Stopwatch();
}

void Sequence::suspend(bool alike) {
  cache_.clear();
  origin_ = 0;
  if (alike) prompt_end_ = static_cast<int64_t>(tokens_.size());
  if (!prompt_read_) result_.prompt_tokens = result_.reused_tokens = 0;
  state_ = SequenceState::waiting;
}

Step Sequence::next_step(int64_t longest) {
  const int64_t count = next_piece(longest);
  return {.tokens = std::span(tokens_).subspan(static_cast<size_t>(cache_.size()), static_cast<size_t>(count)),
          .cache = &cache_,
          .logits = wanted_logits(count),
          .hidden_states = takes_hidden_states(),
          .reading = reads_prompt()};
}

// Where pieces end depends on this sequence alone, and so do the bits of its logits.
int64_t Sequence::next_piece(int64_t longest) const {
  if (!reads_prompt()) return 1;
  const PromptLogits& logits = writing_->options.prompt_logits;
  const int64_t from = logits.take ? std::max(logits.from, origin_) : std::numeric_limits<int64_t>::max();
  const int64_t at = cache_.size(), begin = at < from ? origin_ : from;
  const int64_t end = std::min(at + longest - (at - begin) % longest, prompt_end_);
  return (at < from ? std::min(end, from) : end) - at;
}

// Of the piece that begins at position `first`.
bool Sequence::takes_logits(int64_t first) const {
  const PromptLogits& logits = writing_->options.prompt_logits;
  return !prompt_read_ && logits.take && first >= logits.from && first >= logits_taken_;
}

Logits Sequence::wanted_logits(int64_t count) const {
  if (takes_logits(cache_.size())) return Logits::all;
  return count == unread() && writing_->options.max_tokens > 0 ? Logits::last : Logits::none;
}

// Pieces that are read a second time end where they did at first.
void Sequence::receive_hidden_states(int64_t count, std::span<const float> rows) {
  const int64_t first = cache_.size() - count;
  if (prompt_read_ || first < hidden_taken_) return;
  hidden_taken_ = cache_.size();
  writing_->options.hidden_states(first, rows);
}

bool Sequence::receive(int64_t count, std::span<const float> logits) {
  const int64_t end = cache_.size(), first = end - count;
  const GenerateOptions& options = writing_->options;
  if (!prompt_read_) {
    result_.prompt_tokens += count;
    if (takes_logits(first)) {
      logits_taken_ = end;
      options.prompt_logits.take(first, logits);
    }
    if (end == prompt_end_) end_prompt();
  } else if (unread() == 0) {
    ++result_.decode_steps;
  }
  if (unread() > 0) return false;
  if (options.max_tokens > 0 && !cancelled()) return true;
  finish(options.max_tokens == 0 ? StopReason::max_tokens : StopReason::interrupted);
  return false;
}

void Sequence::end_prompt() {
  prompt_read_ = true;
  state_ = SequenceState::generating;
  result_.prompt_seconds = clock_.seconds();
  clock_ = Stopwatch();
}

// Which tokens may come next; false: none, the text is whole.
bool Sequence::mask_tokens() {
  std::vector<uint32_t>& allowed = writing_->allowed;
  const GenerateOptions& options = writing_->options;
  const bool early = result_.tokens < options.min_tokens;
  allowed.clear();
  if (!options.constraint && !early) return true;
  allowed.resize(mask_words(vocab_size_), ~uint32_t{0});
  if (options.constraint) options.constraint->allow(allowed);
  const bool may_end = options.constraint && options.constraint->may_end();
  const bool goes_on = !options.constraint || std::ranges::any_of(allowed, [](uint32_t word) { return word != 0; });
  require(goes_on || may_end, "no token can follow here as the constraint wants it");
  if (!goes_on) return false;
  for (const int32_t id : options.stop_tokens) {
    if (id < 0 || static_cast<size_t>(id) >= vocab_size_) continue;
    if (early || options.constraint) set_in_mask(allowed, id, !early && may_end);
  }
  return true;
}

// Chooses the next token and makes text of it.
void Sequence::write(std::span<const float> logits, SamplerMemory& memory) {
  logits = logits.last(vocab_size_);
  Writing& writing = *writing_;
  const GenerateOptions& options = writing.options;
  if (!mask_tokens()) return finish(StopReason::end_of_text);
  const int32_t id = writing.sampler.sample(logits, memory, writing.allowed);
  if (options.log_probabilities > 0) {
    result_.written.push_back(
        {id, log_probability(logits, id), top_log_probabilities(logits, options.log_probabilities)});
  }
  if (std::ranges::count(options.stop_tokens, id) > 0) return finish(StopReason::end_of_text);
  if (options.constraint) options.constraint->accept(id);
  writing.sampler.accept(id);
  ++result_.tokens;
  result_.text += writing.stop.push(writing.decoder.push(id));
  if (tokenizer_->is_special(id)) result_.text += writing.stop.push(tokenizer_->token(id), /*shown=*/false);
  const bool full = room() == 0;
  if (!full) tokens_.push_back(id);
  if (writing.stop.found()) return finish(StopReason::stop_string);
  if (result_.tokens == options.max_tokens) return finish(StopReason::max_tokens);
  if (full) return finish(StopReason::context_full);
}

void Sequence::finish(StopReason reason) {
  if (started_) (prompt_read_ ? result_.decode_seconds : result_.prompt_seconds) = clock_.seconds();
  result_.text += writing_->stop.push(writing_->decoder.finish());
  result_.text += writing_->stop.finish();
  result_.stop = writing_->stop.found_string();
  result_.reason = reason;
  cache_.truncate(cache_.size());  // pages that were reserved for what was not read
  result_.cache_bytes = cache_.bytes();
  result_.cache_bytes_per_token = cache_.bytes_per_token();
  state_ = SequenceState::finished;
}

void Sequence::fail(std::string error) {
  finish(StopReason::error);
  result_.error = std::move(error);
}

}  // namespace t6
