// A request under way: its sequences, and the answer that grows from what they write.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/json_text.h"
#include "t6/serve/api/service.h"
#include "t6/serve/http/exchange.h"

namespace t6 {

// Made on any thread; after start() all of it runs on the server's. A client that goes away ends its sequences.
class Task : public std::enable_shared_from_this<Task> {
 public:
  virtual ~Task() = default;

  // A sequence that reads `ids` and goes on. Errors: those of Sequence.
  void add(std::span<const int32_t> ids, GenerateOptions options, Job::Clock::time_point deadline);
  // Log-probabilities of the ids of the sequence added last, `likeliest` at each: its scores(). Before add().
  void score_prompts(int64_t likeliest) { scored_ = likeliest; }
  // Gives the sequences to the scheduler; answers with 503 when it has too much to do. `client`: between whom it is
  // fair.
  void start(const std::string& client);

 protected:
  Task(const Service& service, std::shared_ptr<Exchange> exchange, bool streams)
      : service_(service), exchange_(std::move(exchange)), streams_(streams) {}

  // What a sequence has written; not called for one that failed.
  virtual void take(size_t index, const Piece& piece) = 0;
  // All have ended.
  virtual void finish() = 0;

  // What the answer is known by; empty: nobody will ask for its cache.
  virtual std::string id() const { return {}; }
  // How errors look, and how one ends a stream that has begun.
  virtual ErrorForm error_form() const { return ErrorForm::openai; }
  virtual void end_with(const ApiError& error);

  void send(const OrderedJson& event, std::string_view name = {});  // of the stream
  void send_text(std::string text);
  void end_stream();    // after "[DONE]"
  void close_stream();  // without it
  void reply(const OrderedJson& answer);

  const Service& service_;
  const std::shared_ptr<Exchange> exchange_;
  const bool streams_;

  size_t size() const { return sequences_.size(); }
  // Of a sequence's prompt, where they were wanted: all but the first token's.
  const std::vector<WrittenToken>& scores(size_t index) const { return *scores_[index]; }
  std::span<const int32_t> prompt(size_t index) const { return prompts_[index]; }
  int64_t prompt_tokens() const;  // of all sequences

 private:
  void receive(size_t index, Piece piece);
  void fail(const JobEnd& end);
  void cancel();
  void begin_stream();
  HttpHeaders headers() const;

  std::string salt_;
  int64_t scored_ = -1;
  std::vector<std::vector<int32_t>> prompts_;
  std::vector<std::shared_ptr<std::vector<WrittenToken>>> scores_;
  std::vector<std::shared_ptr<Sequence>> sequences_;
  std::vector<std::shared_ptr<CancelToken>> cancels_;
  std::vector<Job::Clock::time_point> deadlines_;
  size_t ended_ = 0;
  bool failed_ = false, streaming_ = false;
};

// OpenAI's word for how an answer ended.
std::string_view finish_reason(const JobEnd& end);

}  // namespace t6
