#include "t6/infer/engine.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/units.h"

namespace t6 {
namespace {

// Whether a token read has the bits of a token written. Attention contracts in the same order however many queries come
// at once (kernels/attention.h) without head factors, and nothing is rounded more for being read (forward.h).
bool reads_as_it_writes(const ModelConfig& config) {
  if (ForwardPass::rounds_reading()) return false;
  const AttentionShape shape = attention_shape(config);
  const auto grouped = [](const FactorShape& factors) { return factors.head == HeadFactor::grouped; };
  return grouped(shape.q) && grouped(shape.k) && grouped(shape.v) && !config.kv_shift;
}

}  // namespace

Engine::Engine(Context& context, std::shared_ptr<const Model> model, const EngineOptions& options)
    : options_(options), alike_(reads_as_it_writes(model->config())), pass_(context, std::move(model)) {
  require(options.prompt_chunk > 0 && options.prompt_chunk % kPageTokens == 0,
          "prompts are read in chunks of a multiple of {} tokens, not of {}", kPageTokens, options.prompt_chunk);
  require(options.sequences >= 1, "at least one sequence must run at once, not {}", options.sequences);
  require(options.kept_bytes >= 0, "kept pages may take 0 bytes or more, not {}", options.kept_bytes);
  if (options.kept_bytes > 0) kept_.emplace(options.kept_bytes);
}

void Engine::add(std::shared_ptr<Sequence> sequence) {
  require(sequence->state() == SequenceState::waiting, "a sequence is added once, after it has begun");
  require(std::ranges::find(sequences_, sequence) == sequences_.end(), "the sequence is in the engine already");
  require(sequence->cache_.memory() == options_.memory, "the sequence's cache is of another memory than the engine's");
  pass_.check({sequence->tokens_, &sequence->cache_});
  sequences_.push_back(std::move(sequence));
}

void Engine::remove(const Sequence& sequence) {
  const auto found = std::ranges::find(sequences_, &sequence, [](const auto& held) { return held.get(); });
  if (found == sequences_.end()) return;
  if ((*found)->in_engine()) (*found)->finish(StopReason::interrupted);
  sequences_.erase(found);
}

std::span<const SequenceEvent> Engine::step() {
  events_.clear();
  end_cancelled();
  secure_pages();
  gather_batch();
  if (!steps_.empty()) {
    const StepLogits logits = pass_.run(steps_);
    writers_.clear();
    for (size_t i = 0; i < steps_.size(); ++i) {
      const auto count = static_cast<int64_t>(steps_[i].tokens.size());
      keep_pages(*batch_[i], count);
      advance(batch_[i], [&] {
        if (batch_[i]->takes_hidden_states()) batch_[i]->receive_hidden_states(count, pass_.hidden_states(i));
        if (batch_[i]->receive(count, logits[i])) writers_.push_back(i);
      });
    }
    write_tokens(logits);
  }
  batch_.clear();
  std::erase_if(sequences_, [](const auto& sequence) { return sequence->finished(); });
  return events_;
}

// What there was of a sequence before something happens to it.
struct Engine::Shown {
  explicit Shown(std::shared_ptr<Sequence> shown)
      : sequence(std::move(shown)), text(sequence->result().text.size()), tokens(sequence->result().tokens) {}

  // What happens to a sequence stays with it: an error ends this one alone.
  template <typename Work>
  void advance(Work&& work) const {
    try {
      work();
    } catch (const Error& error) {
      sequence->fail(error.what());
    }
  }

  std::shared_ptr<Sequence> sequence;
  size_t text;
  int64_t tokens;
};

template <typename Work>
void Engine::advance(const std::shared_ptr<Sequence>& sequence, Work&& work) {
  const Shown before(sequence);
  before.advance(work);
  tell(before);
}

void Engine::tell(const Shown& before) {
  const Generated& result = before.sequence->result();
  if (!before.sequence->finished() && result.tokens == before.tokens) return;
  events_.push_back({before.sequence, std::string_view(result.text).substr(before.text)});
}

// Choosing among a whole vocabulary takes a while, and no sequence has anything to do with another.
void Engine::write_tokens(const StepLogits& logits) {
  std::vector<Shown> before;
  for (const size_t i : writers_) before.emplace_back(batch_[i]);
  const Context& context = pass_.context();
  const auto writers = static_cast<int64_t>(writers_.size());
  const int64_t parts = std::min<int64_t>(writers, context.thread_count());
  sampling_.resize(std::max(sampling_.size(), static_cast<size_t>(parts)));
  const auto write = [&](size_t k, SamplerMemory& memory) {
    before[k].advance([&] { before[k].sequence->write(logits[writers_[k]], memory); });
  };
  context.parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (auto part = static_cast<size_t>(begin); part < static_cast<size_t>(end); ++part) {
      for (size_t k = part; k < writers_.size(); k += static_cast<size_t>(parts)) write(k, sampling_[part]);
    }
  });
  for (const Shown& one : before) tell(one);
}

void Engine::end_cancelled() {
  for (const auto& sequence : sequences_) {
    if (sequence->cancelled()) advance(sequence, [&] { sequence->finish(StopReason::interrupted); });
  }
}

int64_t Engine::running() const {
  return std::ranges::count_if(sequences_, [](const auto& sequence) { return sequence->running(); });
}

Sequence& Engine::youngest_running() const {
  return **std::find_if(sequences_.rbegin(), sequences_.rend(), [](const auto& held) { return held->running(); });
}

// Pages for the tokens that come next, for the oldest sequences first.
void Engine::secure_pages() {
  for (const auto& sequence : sequences_) {
    if (!sequence->running()) continue;
    const auto count = static_cast<int64_t>(sequence->next_step(options_.prompt_chunk).tokens.size());
    while (sequence->running() && !make_room(sequence->cache_.bytes_to_reserve(count)) && running() > 1) {
      youngest_running().suspend(alike_);
      ++preemptions_;
    }
    if (sequence->running()) advance(sequence, [&] { sequence->cache_.reserve(count); });
  }
}

// A token of each sequence that generates, and pieces of prompts until one is too long for what is left of the step.
void Engine::gather_batch() {
  steps_.clear();
  batch_.clear();
  for (const auto& sequence : sequences_) {
    if (sequence->running() && !sequence->reads_prompt()) add_step(sequence);
  }
  int64_t left = options_.prompt_chunk;
  for (const auto& sequence : next_readers()) {
    const bool waits = sequence->state() == SequenceState::waiting;
    if (left == 0) break;
    if (waits && !admit(sequence)) {
      if (sequence->finished()) continue;
      short_of_memory_ = running() < options_.sequences;
      break;
    }
    const bool prompt = sequence->reads_prompt();
    const int64_t count = prompt ? sequence->next_piece(options_.prompt_chunk) : 0;
    if (count > left) break;
    left -= count;
    add_step(sequence);
  }
}

void Engine::add_step(const std::shared_ptr<Sequence>& sequence) {
  steps_.push_back(sequence->next_step(options_.prompt_chunk));
  batch_.push_back(sequence);
}

// Those that have a prompt to read, in the order in which they came; every other step those with the least to read come
// first, so that a short prompt does not wait for a long one to end, nor a long one for all short ones. A sequence that
// the memory has no room for is not overtaken.
std::vector<std::shared_ptr<Sequence>> Engine::next_readers() {
  std::vector<std::shared_ptr<Sequence>> readers;
  for (const auto& sequence : sequences_) {
    const bool waits = sequence->state() == SequenceState::waiting;
    if (waits || (sequence->running() && sequence->reads_prompt())) readers.push_back(sequence);
  }
  shortest_first_ = !shortest_first_ && !short_of_memory_;
  short_of_memory_ = false;
  if (shortest_first_) {
    std::ranges::stable_sort(readers, {}, [](const auto& sequence) { return sequence->unread(); });
  }
  return readers;
}

// Whether a waiting sequence runs from now on. It has pages for all that it is to read then, and where others run, some
// are left for what these and it go on with, so that it will not soon have to give them back.
bool Engine::admit(const std::shared_ptr<Sequence>& sequence) {
  const int64_t others = running();
  if (others >= options_.sequences) return false;
  const int64_t reused = reuse_pages(*sequence);
  FactorCache& cache = sequence->cache_;
  const int64_t wanted = cache.bytes_to_reserve(sequence->unread(), options_.prompt_chunk);
  if (others > 0 && !make_room(wanted + (others + 1) * cache.page_bytes())) {
    const int64_t all = cache.bytes() + wanted;
    if (reused > 0) sequence->suspend(alike_);
    if (all <= options_.memory->limit()) return false;
  }
  (void)make_room(wanted);
  advance(sequence, [&] {
    cache.reserve(sequence->unread(), options_.prompt_chunk);
    sequence->start();
  });
  return sequence->running();
}

// Pages of an earlier prompt, where the rest is read with the same bits as if all were: the last token, whose logits
// are wanted, and a rest of a piece that is contracted as the whole piece would be. How many tokens that spares.
int64_t Engine::reuse_pages(Sequence& sequence) {
  if (!kept_ || !sequence.shares_pages()) return 0;
  const int64_t known = sequence.prompt_end_;
  int64_t most = (known - 1) / kPageTokens * kPageTokens;
  if (!alike_ && known - most < kManyQueries && most % options_.prompt_chunk != 0) most -= kPageTokens;
  const auto beginning = std::span(sequence.tokens_).first(static_cast<size_t>(most));
  const int64_t reused = kept_->adopt(beginning, sequence.cache_, sequence.writing_->options.cache_salt);
  if (!sequence.prompt_read_) sequence.result_.reused_tokens = reused;
  return reused;
}

// Keeps the pages that the last `count` tokens have filled.
void Engine::keep_pages(const Sequence& sequence, int64_t count) {
  if (!kept_ || !sequence.shares_pages()) return;
  const int64_t end = sequence.cache_.size(), begin = end - count;
  const int64_t last = alike_ || options_.keep_written ? end : std::min(end, sequence.prompt_end_);
  if (last / kPageTokens <= begin / kPageTokens) return;
  kept_->keep(std::span(sequence.tokens_).first(static_cast<size_t>(last)), sequence.cache_,
              sequence.writing_->options.cache_salt);
}

void Engine::keep(std::span<const int32_t> tokens, const FactorCache& cache, std::string_view salt) {
  if (kept_) kept_->keep(tokens, cache, salt);
}

int64_t Engine::kept(std::span<const int32_t> tokens, FactorCache& cache, std::string_view salt) {
  return kept_ ? kept_->adopt(tokens, cache, salt) : 0;
}

bool Engine::make_room(int64_t bytes) {
  if (!options_.memory) return true;
  const int64_t missing = bytes - options_.memory->room();
  if (missing <= 0) return true;
  if (!kept_ || kept_->unused_bytes() < missing) return false;
  kept_->free(missing);
  return true;
}

Generated run_to_end(Engine& engine, const std::shared_ptr<Sequence>& sequence,
                     const std::function<void(std::string_view)>& show) {
  engine.add(sequence);
  try {
    while (!sequence->finished()) {
      for (const SequenceEvent& event : engine.step()) {
        if (event.sequence == sequence && !event.text.empty()) show(event.text);
      }
    }
  } catch (...) {
    engine.remove(*sequence);
    throw;
  }
  if (sequence->result().reason == StopReason::error) fail("{}", sequence->result().error);
  return sequence->result();
}

}  // namespace t6
