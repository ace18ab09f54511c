#include "t6/eval/answers.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/sample_mean.h"
#include "t6/eval/answers/prompt.h"
#include "t6/infer/engine.h"
#include "t6/model/costs.h"

namespace t6 {
namespace {

// Sequences that run at once: enough to fill decoding's products, while their caches are no more than that of one long
// prompt or of so many tokens.
constexpr int64_t kAtOnce = 8, kTokensAtOnce = 16'384;
// A page: what less of a common beginning is read again.
constexpr int64_t kSharedTokens = 64;
constexpr int64_t kMostKeptBytes = int64_t{1} << 30;

int64_t common_beginning(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

// What counts of a text.
std::string counted_text(const LoadedModel& loaded, const AnswerDocument& document, std::string text) {
  if (loaded.tokenizer->strips_space() && text.starts_with(' ')) text.erase(0, 1);
  if (!document.first_line) return text;
  text.erase(0, std::min(text.find_first_not_of('\n'), text.size()));
  return text.substr(0, text.find('\n'));
}

class AnswerRun {
 public:
  AnswerRun(Context& context, const LoadedModel& loaded, std::span<const AnswerDocument> documents,
            const AnswerOptions& options)
      : context_(context), loaded_(loaded), documents_(documents), options_(options) {
    if (options.chat) stops_ = answer_stops(*options.chat, *loaded.tokenizer);
    limit_ = options.context > 0 ? options.context : loaded.config().max_position_embeddings;
    for (const AnswerDocument& document : documents) {
      if (options.cancel && options.cancel->cancelled()) return;
      check(document);
      prompts_.push_back(fitting_prompt(loaded, document, options, limit_ - document.max_tokens));
      total_ += std::ssize(prompts_.back().ids);
    }
  }

  void run(const std::function<void(const WrittenAnswer&)>& take,
           const std::function<void(int64_t, int64_t)>& progress) {
    if (prompts_.size() < documents_.size()) return;  // cancelled
    Engine engine(context_, loaded_.model, {.memory = options_.memory, .kept_bytes = kept_bytes()});
    while (!cancelled() && (next_ < prompts_.size() || !running_.empty())) {
      while (may_add()) add(engine);
      for (const SequenceEvent& event : engine.step()) {
        if (event.sequence->finished()) finish(*event.sequence);
      }
      progress(read(), total_);
      for (; !cancelled() && !done_.empty() && done_.begin()->first == taken_; ++taken_) {
        take(done_.begin()->second);
        done_.erase(done_.begin());
      }
    }
  }

 private:
  struct Running {
    size_t document;
    std::shared_ptr<Sequence> sequence;
  };

  bool cancelled() const { return options_.cancel && options_.cancel->cancelled(); }

  // What would be an error after a long time is one at once.
  void check(const AnswerDocument& document) const {
    require(document.max_tokens >= 1 && document.max_tokens < limit_,
            "{}: an answer of {} tokens does not fit into the context of {}", document.name, document.max_tokens,
            limit_);
    try {
      (void)answer_metric(document.metric).score({}, document.key);
    } catch (const Error& error) {
      fail("{}: {}", document.name, error.what());
    }
  }

  int64_t kept_bytes() const {
    int64_t longest = 0;
    for (size_t i = 1; i < prompts_.size(); ++i) {
      const int64_t common = common_beginning(prompts_[i - 1].ids, prompts_[i].ids);
      if (common >= kSharedTokens) longest = std::max(longest, common);
    }
    return std::min(kMostKeptBytes, 2 * longest * cache_bytes(loaded_.config(), options_.cache_type));
  }

  int64_t tokens_of(size_t i) const { return std::ssize(prompts_[i].ids) + documents_[i].max_tokens; }

  bool may_add() const {
    if (next_ == prompts_.size() || std::ssize(running_) >= kAtOnce) return false;
    if (running_.empty()) return true;
    int64_t tokens = tokens_of(next_);
    for (const Running& each : running_) tokens += tokens_of(each.document);
    if (tokens > kTokensAtOnce) return false;
    // Waits until the beginning that it shares with the last one is read.
    const Running& last = running_.back();
    const SequenceState state = last.sequence->state();
    const bool reads = state == SequenceState::waiting || state == SequenceState::reading;
    return !reads || common_beginning(prompts_[last.document].ids, prompts_[next_].ids) < kSharedTokens;
  }

  void add(Engine& engine) {
    const AnswerDocument& document = documents_[next_];
    const bool longer = limit_ > loaded_.config().max_position_embeddings;
    auto sequence = std::make_shared<Sequence>(
        loaded_,
        CacheOptions{.limit = limit_, .type = options_.cache_type, .memory = options_.memory, .extrapolates = longer});
    sequence->append(prompts_[next_].ids);
    sequence->begin(generation(document));
    engine.add(sequence);
    running_.push_back({next_++, std::move(sequence)});
  }

  GenerateOptions generation(const AnswerDocument& document) const {
    GenerateOptions options{.max_tokens = document.max_tokens, .stop = document.stop, .cancel = options_.cancel};
    options.sampler.temperature = 0;
    if (options_.chat && !document.plain) {
      options.stop_tokens = stops_.tokens;
      options.stop.insert(options.stop.end(), stops_.texts.begin(), stops_.texts.end());
    }
    if (document.ends_with_line) {
      std::vector<int32_t> line_end;
      loaded_.tokenizer->encode_further("\n", line_end);
      if (!line_end.empty()) options.stop_tokens.push_back(line_end.back());
      options.min_tokens = 1;
    }
    return options;
  }

  void finish(const Sequence& sequence) {
    const auto found = std::find_if(running_.begin(), running_.end(),
                                    [&](const Running& each) { return each.sequence.get() == &sequence; });
    const size_t i = found->document;
    const Generated& result = sequence.result();
    require(result.reason != StopReason::error, "{}: {}", documents_[i].name, result.error);
    WrittenAnswer answer{.document = i, .text = counted_text(loaded_, documents_[i], result.text)};
    answer.score = answer_metric(documents_[i].metric).score(answer.text, documents_[i].key);
    answer.prompt_tokens = std::ssize(prompts_[i].ids);
    answer.tokens = result.tokens;
    answer.left_out = prompts_[i].left_out;
    answer.reused = result.reused_tokens;
    if (result.reason != StopReason::interrupted) done_.emplace(i, std::move(answer));
    finished_tokens_ += std::ssize(prompts_[i].ids);
    running_.erase(found);
  }

  int64_t read() const {
    int64_t tokens = finished_tokens_;
    for (const Running& each : running_) {
      tokens += std::min(each.sequence->cache().size(), std::ssize(prompts_[each.document].ids));
    }
    return tokens;
  }

  Context& context_;
  const LoadedModel& loaded_;
  std::span<const AnswerDocument> documents_;
  const AnswerOptions& options_;
  AnswerStops stops_ = {};
  int64_t limit_ = 0, total_ = 0, finished_tokens_ = 0;
  std::vector<Prompt> prompts_;
  size_t next_ = 0, taken_ = 0;
  std::deque<Running> running_;  // in the order in which they were added
  std::map<size_t, WrittenAnswer> done_;
};

}  // namespace

void write_answers(Context& context, const LoadedModel& loaded, std::span<const AnswerDocument> documents,
                   const AnswerOptions& options, const std::function<void(const WrittenAnswer&)>& take,
                   const std::function<void(int64_t done, int64_t total)>& progress) {
  AnswerRun(context, loaded, documents, options).run(take, progress);
}

std::vector<AnswerGroup> answer_groups(std::span<const AnswerDocument> documents,
                                       std::span<const WrittenAnswer> answers) {
  std::vector<AnswerGroup> groups;
  std::map<std::string, std::vector<double>> scores;
  for (const WrittenAnswer& answer : answers) {
    for (const std::string& group : documents[answer.document].groups) {
      if (scores[group].empty()) groups.push_back({group, 0, 0, std::nullopt});
      scores[group].push_back(answer.score);
    }
  }
  for (AnswerGroup& group : groups) {
    const std::vector<double>& all = scores[group.name];
    const SampleMean sample = sample_mean(all);
    group.documents = std::ssize(all);
    group.mean = sample.mean;
    group.standard_error = sample.standard_error();
  }
  return groups;
}

}  // namespace t6
