// Runs any number of sequences with one model, a batch a step: pieces of prompts beside tokens that are being
// generated.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "t6/infer/engine/prefix_store.h"
#include "t6/infer/forward.h"
#include "t6/infer/sequence.h"

namespace t6 {

struct EngineOptions {
  std::shared_ptr<CacheMemory> memory = nullptr;  // of the caches of all sequences; null: no limit
  int64_t prompt_chunk = kPromptChunk;            // prompt tokens that a step reads at most, whole pages
  int64_t sequences = 256;                        // that run at once at most
  // What pages kept for later prompts may take; 0: none are kept, and none are of a model whose layers with a window
  // give pages back.
  int64_t kept_bytes = 0;
  // Keep pages of written text too where their bits are not those of a text that is read. Prompts that go on from such
  // pages then give logits that differ in their last digits.
  bool keep_written = false;
};

// A token of a sequence, or its end.
struct SequenceEvent {
  std::shared_ptr<Sequence> sequence;
  std::string_view text;  // new in result().text, whole UTF-8 characters; valid until the next step
};

// Each step writes a token of every sequence whose prompt is read, and reads at most prompt_chunk tokens of prompts, so
// that none waits for another's prompt: in the order in which they came, every other step the shortest first. A
// sequence gives the same tokens alone and beside any others.
//
// Where the memory does not suffice, kept pages go first. Then the sequence that came last gives its pages back, waits,
// and reads its tokens again later. One that cannot go on even alone ends with StopReason::error; the others do not
// notice. For one thread; a CancelToken may be cancelled on any.
class Engine {
 public:
  // The context outlives this. Error: an option out of range.
  explicit Engine(Context& context, std::shared_ptr<const Model> model, const EngineOptions& options = {});

  // From the next step on, a sequence that has begun. It holds its cache, also when it is finished, until it is
  // truncated or gone. Errors: it has not begun, its cache is of another model or memory, a token id outside the
  // vocabulary.
  void add(std::shared_ptr<Sequence> sequence);
  // Ends a sequence between two steps, as when it is cancelled, but without an event. One that is not here is left
  // alone.
  void remove(const Sequence& sequence);

  // Runs one batch; does nothing when there are no sequences. The events, one for a sequence at most, are valid until
  // the next step, and so long they hold their sequences.
  std::span<const SequenceEvent> step();

  // Keeps the full pages of a cache for later prompts with this salt, as far as kept_bytes allow; kept() gives the
  // pages of the longest beginning of `tokens` that are kept, in `cache`, which is empty, and how many tokens that are.
  // Both between two steps.
  void keep(std::span<const int32_t> tokens, const FactorCache& cache, std::string_view salt);
  int64_t kept(std::span<const int32_t> tokens, FactorCache& cache, std::string_view salt);
  // Gives back kept pages until so many bytes of the memory are free. False: there are not enough.
  bool make_room(int64_t bytes);

  bool idle() const { return sequences_.empty(); }
  int64_t size() const { return static_cast<int64_t>(sequences_.size()); }  // sequences, running or waiting
  int64_t running() const;
  // How often a sequence gave its pages back and waited.
  int64_t preemptions() const { return preemptions_; }
  int64_t kept_bytes() const { return kept_ ? kept_->bytes() : 0; }

 private:
  void end_cancelled();
  void secure_pages();
  void gather_batch();
  void add_step(const std::shared_ptr<Sequence>& sequence);
  std::vector<std::shared_ptr<Sequence>> next_readers();
  bool admit(const std::shared_ptr<Sequence>& sequence);
  int64_t reuse_pages(Sequence& sequence);
  void keep_pages(const Sequence& sequence, int64_t count);
  Sequence& youngest_running() const;
  struct Shown;
  template <typename Work>
  void advance(const std::shared_ptr<Sequence>& sequence, Work&& work);
  void tell(const Shown& before);
  void write_tokens(const StepLogits& logits);

  EngineOptions options_;
  bool alike_;  // a token's bits do not depend on how many are read with it, nor on whether it is read or written
  ForwardPass pass_;
  std::vector<std::shared_ptr<Sequence>> sequences_;  // in the order in which they came
  std::optional<PrefixStore> kept_;
  int64_t preemptions_ = 0;
  bool shortest_first_ = true;                    // whose prompts the last step read first
  bool short_of_memory_ = false;                  // a sequence waits for it
  std::vector<Step> steps_;                       // of one batch
  std::vector<std::shared_ptr<Sequence>> batch_;  // whose steps they are
  std::vector<size_t> writers_;                   // of the batch, those that choose a token
  std::vector<SequenceEvent> events_;
  std::vector<SamplerMemory> sampling_;  // of each thread
};

// Adds a sequence that has begun and steps until it is finished. `show` gets its text as it comes. Error: the one that
// ended it, and what `show` throws; the sequence is then no longer in the engine.
Generated run_to_end(Engine& engine, const std::shared_ptr<Sequence>& sequence,
                     const std::function<void(std::string_view)>& show);

}  // namespace t6
