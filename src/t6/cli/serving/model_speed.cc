#include "t6/cli/serving/model_speed.h"

#include <algorithm>

#include "t6/bench/machine.h"
#include "t6/bench/timing.h"
#include "t6/cli/progress_bar.h"
#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/infer/session.h"

namespace t6 {
namespace {

// What the model reads, again and again.
constexpr char kSentence[] = "The quick brown fox jumps over the lazy dog. ";

// Text for the longest context; written tokens count towards the next one. Encoding all of it would count as time that
// the first token takes.
std::vector<int32_t> sentence_tokens(const Tokenizer& tokenizer, int64_t count) {
  const std::vector<int32_t> sentence = tokenizer.encode(kSentence);
  require(!sentence.empty(), "the tokenizer makes no token of \"{}\"", kSentence);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = sentence[i % sentence.size()];
  return tokens;
}

class ModelRun {
 public:
  ModelRun(Context& context, const LoadedModel& loaded, const SpeedOptions& options)
      : options_(options),
        tokens_(sentence_tokens(*loaded.tokenizer, options.contexts.back())),
        pass_(context, loaded.model),
        cache_(loaded.config(), {.type = options.cache_type}),
        weight_bytes_(loaded.model->weight_bytes()),
        progress_("bench", options.contexts.back() + std::ssize(options.contexts) * options.decode_tokens, "tokens") {
    if (!loaded.config().tie_word_embeddings) weight_bytes_ -= loaded.model->embeddings().bytes();
  }

  // Times are counted from `start` on.
  std::vector<SpeedRow> run(const Stopwatch& start) {
    std::vector<SpeedRow> rows;
    for (const int64_t context : options_.contexts) {
      SpeedRow row = {.context = context, .prefill_rate = read(context)};
      row.first_token_s = start.seconds();
      row.bytes_a_token =
          static_cast<double>(weight_bytes_ + std::min(cache_.bytes(), cache_.size() * cache_.bytes_per_token()));
      row.decode_rate = write();
      row.cache_bytes = cache_.bytes();
      row.peak_bytes = peak_memory();
      rows.push_back(row);
    }
    return rows;
  }

 private:
  std::optional<double> read(int64_t context) {
    const int64_t count = context - cache_.size();
    if (count <= 0) return {};
    const Stopwatch time;
    while (cache_.size() < context) {
      const int64_t begin = cache_.size(), size = std::min(kPromptChunk, context - begin);
      const auto chunk = std::span(tokens_).subspan(static_cast<size_t>(begin), static_cast<size_t>(size));
      const Step step = {.tokens = chunk,
                         .cache = &cache_,
                         .logits = begin + size == context ? Logits::last : Logits::none,
                         .reading = true};
      (void)pass_.run({&step, 1});
      progress_.update(cache_.size());
    }
    return static_cast<double>(count) / time.seconds();
  }

  double write() {
    std::vector<double> times;
    for (int64_t i = 0; i < options_.decode_tokens; ++i) {
      const Stopwatch time;
      (void)pass_.run(std::span(tokens_).first(1), cache_, Logits::last);
      times.push_back(time.seconds());
      progress_.update(cache_.size());
    }
    return 1 / median(times);
  }

  const SpeedOptions& options_;
  std::vector<int32_t> tokens_;
  ForwardPass pass_;
  FactorCache cache_;
  int64_t weight_bytes_;  // that a step reads: all but a table of embeddings of its own, of which it reads a row
  ProgressBar progress_;
};

}  // namespace

std::vector<SpeedRow> model_speed(Context& context, const LoadedModel& loaded, const SpeedOptions& options) {
  const Stopwatch start;
  return ModelRun(context, loaded, options).run(start);
}

}  // namespace t6
