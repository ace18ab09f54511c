// POST /v1/completions.
#include <algorithm>
#include <numeric>
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/output_format.h"
#include "t6/serve/api/prompts.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/stream_options.h"
#include "t6/serve/api/task.h"
#include "t6/serve/api/token_json.h"
#include "t6/serve/api/usage.h"

namespace t6 {
namespace {

constexpr int64_t kDefaultTokens = 16;  // OpenAI's

struct CompletionSettings {
  int64_t answers = 1, candidates = 1;  // n and best_of: of each prompt
  int64_t logprobs = -1;                // -1: none
  bool echo = false;
  StreamOptions stream;
};

class CompletionTask : public Task {
 public:
  CompletionTask(const Service& service, std::shared_ptr<Exchange> exchange, const CompletionSettings& settings)
      : Task(service, std::move(exchange), settings.stream.wanted), settings_(settings) {}

  // After all are added.
  void prepare() {
    for (size_t i = 0; i < size(); ++i) {
      choices_.emplace_back(CompletionLogprobs(*service_.loaded.tokenizer, settings_.logprobs));
    }
  }

 private:
  std::string id() const override { return id_; }

  struct Choice {
    explicit Choice(CompletionLogprobs none) : logprobs(std::move(none)) {}

    std::string text;
    CompletionLogprobs logprobs;
    double log_probability = 0;  // of all that was written
    int64_t tokens = 0, cached = 0;
    bool begun = false;
    std::string_view reason;
  };

  // The prompt comes with what is written first: its log-probabilities are known then.
  void begin_choice(size_t index, Piece& piece) {
    Choice& choice = choices_[index];
    if (std::exchange(choice.begun, true) || !settings_.echo) return;
    const auto ids = prompt(index);
    piece.text.insert(0, service_.loaded.tokenizer->decode(ids, /*skip_special=*/true));
    if (settings_.logprobs < 0) return;
    choice.logprobs.add_first(ids[0]);
    choice.logprobs.add(scores(index));
  }

  void take(size_t index, const Piece& written) override {
    Piece piece = written;
    begin_choice(index, piece);
    Choice& choice = choices_[index];
    choice.tokens = piece.tokens;
    choice.cached = piece.cached_tokens;
    if (settings_.logprobs >= 0) choice.logprobs.add(piece.written);
    for (const WrittenToken& token : piece.written) choice.log_probability += token.log_probability;
    if (piece.end) choice.reason = finish_reason(*piece.end);
    if (!streams_) {
      choice.text += piece.text;
      return;
    }
    if (piece.text.empty() && !piece.end && (settings_.logprobs < 0 || piece.written.empty())) return;
    OrderedJson event = head();
    event["choices"] = OrderedJson::array({choice_json(index, static_cast<int64_t>(index), piece.text)});
    if (settings_.stream.usage) event["usage"] = nullptr;
    send(event);
  }

  void finish() override {
    const OrderedJson usage = usage_json(sum());
    OrderedJson answer = head();
    if (streams_) {
      if (settings_.stream.usage) {
        answer["choices"] = OrderedJson::array();
        answer["usage"] = usage;
        send(answer);
      }
      return end_stream();
    }
    OrderedJson& list = answer["choices"] = OrderedJson::array();
    for (const size_t index : best()) {
      list.push_back(choice_json(index, static_cast<int64_t>(list.size()), choices_[index].text));
    }
    answer["usage"] = usage;
    reply(answer);
  }

  // Of each prompt's candidates the likeliest ones, per token.
  std::vector<size_t> best() const {
    const auto candidates = static_cast<size_t>(settings_.candidates);
    std::vector<size_t> chosen;
    for (size_t first = 0; first < choices_.size(); first += candidates) {
      std::vector<size_t> order(candidates);
      std::iota(order.begin(), order.end(), first);
      const auto mean = [&](size_t i) {
        return choices_[i].log_probability / static_cast<double>(std::max<int64_t>(choices_[i].tokens, 1));
      };
      if (settings_.candidates > settings_.answers) {
        std::ranges::stable_sort(order, [&](size_t a, size_t b) { return mean(a) > mean(b); });
      }
      chosen.insert(chosen.end(), order.begin(), order.begin() + static_cast<ptrdiff_t>(settings_.answers));
    }
    return chosen;
  }

  OrderedJson head() const {
    return {{"id", id_}, {"object", "text_completion"}, {"created", created_}, {"model", service_.names[0]}};
  }

  OrderedJson choice_json(size_t index, int64_t number, const std::string& text) {
    Choice& choice = choices_[index];
    OrderedJson reason = nullptr;
    if (!choice.reason.empty()) reason = choice.reason;
    return {{"index", number},
            {"text", text},
            {"logprobs", settings_.logprobs >= 0 ? choice.logprobs.take() : OrderedJson(nullptr)},
            {"finish_reason", reason}};
  }

  // A prompt counts once, however many answers it has.
  Usage sum() const {
    Usage usage;
    for (size_t i = 0; i < choices_.size(); ++i) {
      usage.completion_tokens += choices_[i].tokens;
      if (i % static_cast<size_t>(settings_.candidates) != 0) continue;
      usage.prompt_tokens += static_cast<int64_t>(prompt(i).size());
      usage.cached_tokens += choices_[i].cached;
    }
    return usage;
  }

  const CompletionSettings settings_;
  const std::string id_ = new_id("cmpl-");
  const int64_t created_ = unix_seconds();
  std::vector<Choice> choices_;
};

CompletionSettings completion_settings(Body& body, const Service& service) {
  CompletionSettings settings;
  settings.answers = body.integer("n", 1, 1, service.limits.sequences);
  settings.candidates = body.integer("best_of", settings.answers, settings.answers, service.limits.sequences);
  settings.logprobs = body.integer("logprobs", -1, 0, service.limits.likeliest);
  settings.echo = body.boolean("echo", false);
  settings.stream = read_stream_options(body);
  if (settings.stream.wanted && settings.candidates > settings.answers) {
    throw ApiError(400, "best_of cannot be streamed", "best_of");
  }
  body.only("suffix", {""}, "a model of this kind only writes on");
  body.pass_over({"user"});
  return settings;
}

}  // namespace

void complete(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  const auto prompts = read_prompts(body, service, "prompt", static_cast<size_t>(service.limits.sequences));
  const CompletionSettings settings = completion_settings(body, service);
  if (static_cast<int64_t>(prompts.size()) * settings.candidates > service.limits.sequences) {
    throw ApiError(400, fmt::format("{} prompts with {} answers each are more than {}", prompts.size(),
                                    settings.candidates, service.limits.sequences));
  }
  GenerateOptions options = read_sampling(body, service);
  if (settings.logprobs >= 0) {
    options.log_probabilities = std::max<int64_t>(settings.logprobs, 1);
  } else if (settings.candidates > settings.answers) {
    options.log_probabilities = 1;
  }
  const auto deadline = read_deadline(body, service);
  const OutputFormat format = read_output_format(body);
  const auto task = std::make_shared<CompletionTask>(service, exchange, settings);
  if (settings.echo && settings.logprobs >= 0) task->score_prompts(std::max<int64_t>(settings.logprobs, 1));
  const int64_t least = settings.echo ? 0 : 1;
  std::vector<int64_t> counts;
  for (const auto& ids : prompts) {
    counts.push_back(
        read_max_tokens(body, {"max_tokens"}, static_cast<int64_t>(ids.size()), service, kDefaultTokens, least));
  }
  body.finish();
  const auto grammar = grammar_of(service, format);
  for (size_t i = 0; i < prompts.size(); ++i) {
    options.max_tokens = counts[i];
    check_min_tokens(options);
    for (int64_t n = 0; n < settings.candidates; ++n) {
      if (grammar) options.constraint = grammar->constraint();
      task->add(prompts[i], options, deadline);
      ++options.sampler.seed;
    }
  }
  task->prepare();
  task->start(client_of(exchange->request()));
}

}  // namespace t6
