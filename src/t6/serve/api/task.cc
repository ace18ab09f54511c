#include "t6/serve/api/task.h"

#include <algorithm>
#include <utility>

#include "t6/serve/api/api_error.h"

namespace t6 {
namespace {

// Takes the logits of a prompt's tokens: each row tells about the token after it.
PromptLogits prompt_scores(std::vector<int32_t> ids, int64_t likeliest, size_t vocab_size,
                           std::shared_ptr<std::vector<WrittenToken>> scores) {
  return {
      .from = 0,
      .take = [ids = std::move(ids), likeliest, vocab_size, scores = std::move(scores)](int64_t first,
                                                                                        std::span<const float> rows) {
        for (size_t row = 0; row * vocab_size < rows.size(); ++row) {
          const size_t next = static_cast<size_t>(first) + row + 1;
          if (next >= ids.size()) break;
          const auto logits = rows.subspan(row * vocab_size, vocab_size);
          scores->push_back({ids[next], log_probability(logits, ids[next]), top_log_probabilities(logits, likeliest)});
        }
      }};
}

}  // namespace

std::string_view finish_reason(const JobEnd& end) {
  const bool length = end.reason == StopReason::max_tokens || end.reason == StopReason::context_full;
  return length ? "length" : "stop";
}

void Task::add(std::span<const int32_t> ids, GenerateOptions options, Job::Clock::time_point deadline) {
  auto cancel = std::make_shared<CancelToken>();
  auto scores = std::make_shared<std::vector<WrittenToken>>();
  auto sequence = std::make_shared<Sequence>(service_.loaded, service_.cache);
  options.cancel = cancel.get();
  if (scored_ >= 0) {
    options.prompt_logits =
        prompt_scores({ids.begin(), ids.end()}, scored_, static_cast<size_t>(service_.vocab_size()), scores);
  }
  salt_ = options.cache_salt;
  sequence->append(ids);
  sequence->begin(options);
  prompts_.emplace_back(ids.begin(), ids.end());
  sequences_.push_back(std::move(sequence));
  cancels_.push_back(std::move(cancel));
  scores_.push_back(std::move(scores));
  deadlines_.push_back(deadline);
}

int64_t Task::prompt_tokens() const {
  int64_t count = 0;
  for (const auto& ids : prompts_) count += static_cast<int64_t>(ids.size());
  return count;
}

void Task::start(const std::string& client) {
  if (service_.conversations && !id().empty()) service_.conversations->begin(id(), salt_, sequences_[0]);
  std::vector<Job> jobs;
  for (size_t i = 0; i < sequences_.size(); ++i) {
    jobs.push_back({.sequence = std::exchange(sequences_[i], nullptr),
                    .cancel = cancels_[i],
                    .client = client,
                    .deadline = deadlines_[i],
                    .take = [self = shared_from_this(), i](Piece piece) { self->receive(i, std::move(piece)); }});
  }
  exchange_->when_gone([self = weak_from_this()] {
    if (const auto task = self.lock()) task->cancel();
  });
  if (!service_.scheduler->submit(std::move(jobs))) exchange_->reply(overloaded_response(error_form()));
}

void Task::receive(size_t index, Piece piece) {
  if (piece.end && index == 0 && service_.conversations) {
    service_.conversations->end(id(), std::move(piece.all_tokens));
  }
  if (failed_) return;
  if (piece.end && (piece.end->reason == StopReason::error || piece.end->reason == StopReason::interrupted)) {
    return fail(*piece.end);
  }
  take(index, piece);
  if (piece.end && ++ended_ == sequences_.size()) finish();
}

// One that fails ends the others of its request.
void Task::fail(const JobEnd& end) {
  failed_ = true;
  cancel();
  const bool over = end.reason == StopReason::interrupted;
  const ApiError error(over ? (end.timed_out ? 504 : 503) : 500,
                       over ? (end.timed_out ? "the request took too long" : "the server is ending") : end.error, {},
                       end.timed_out ? "timeout" : "");
  if (!streaming_) return exchange_->reply(error_response(error, error_form()));
  end_with(error);
}

void Task::end_with(const ApiError& error) {
  send(error_json(error));
  end_stream();
}

void Task::cancel() {
  for (const auto& token : cancels_) token->cancel();
}

void Task::begin_stream() {
  if (std::exchange(streaming_, true)) return;
  HttpHeaders with = headers();
  with.insert(with.end(), {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
  exchange_->begin({200, "", "text/event-stream; charset=utf-8", std::move(with)});
}

void Task::send(const OrderedJson& event, std::string_view name) { send_text(event_text(event, name)); }

void Task::send_text(std::string text) {
  begin_stream();
  exchange_->write(std::move(text));
}

void Task::end_stream() {
  send_text("data: [DONE]\n\n");
  exchange_->end();
}

void Task::close_stream() {
  begin_stream();
  exchange_->end();
}

void Task::reply(const OrderedJson& answer) {
  exchange_->reply({200, json_text(answer), "application/json", headers()});
}

// Tells by which replica a prompt that begins alike is best answered (docs/serving.md): a number of its first page.
HttpHeaders Task::headers() const {
  const auto ids = std::span(prompts_[0]).first(std::min(prompts_[0].size(), static_cast<size_t>(kPageTokens)));
  return {{"X-T6-Prefix", fmt::format("{:016x}", page_hash(0, ids))}};
}

}  // namespace t6
