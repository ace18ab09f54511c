// All of a server but its sockets: a tiny random model, a scheduler on a thread of its own, and answers as strings.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/serve/api/json_text.h"
#include "t6/serve/api/router.h"
#include "t6/serve/http/exchange.h"
#include "tests/serve/tiny_model.h"

namespace t6 {

// One request and what came of it, which any thread may wait for.
class TestExchange : public Exchange {
 public:
  using Exchange::Exchange;

  void reply(HttpResponse response) override { finish(std::move(response)); }
  void begin(HttpResponse head) override {
    const std::lock_guard lock(mutex_);
    response_ = std::move(head);
  }
  void write(std::string part) override {
    const std::lock_guard lock(mutex_);
    response_.body += part;
  }
  void end() override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  void when_gone(std::function<void()>) override {}

  HttpResponse wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_; });
    return response_;
  }

 private:
  void finish(HttpResponse response) {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
    ended_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  HttpResponse response_;
  bool ended_ = false;
};

inline constexpr std::string_view kPlainTemplate =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";

class TestServer {
 public:
  // A model that reads and writes bytes.
  explicit TestServer(std::string_view chat_template = kPlainTemplate, int64_t context = 256)
      : metrics_("tiny"), loaded_(tiny_model(context)) {
    scheduler_ = std::make_unique<Scheduler>(context_, loaded_.model, SchedulerOptions{}, metrics_,
                                             [](const std::function<void()>& work) { work(); });
    service_.names = {"tiny"};
    service_.loaded = loaded_;
    service_.chat_template.emplace(chat_template);
    service_.control_tokens.emplace(*loaded_.tokenizer);
    service_.grammars = std::make_shared<GrammarCompiler>(*loaded_.tokenizer, loaded_.config().vocab_size);
    service_.sampling = {.temperature = 1};
    service_.context = context;
    service_.scheduler = scheduler_.get();
    service_.metrics = &metrics_;
    service_.gauges = [this] { return scheduler_->gauges(); };
    thread_ = std::thread([this] { scheduler_->run(); });
  }
  ~TestServer() {
    scheduler_->cancel_all();
    thread_.join();
  }

  HttpResponse ask(const std::string& method, const std::string& path, std::string body = {}) const {
    const Route* const route = find_route(method, path);
    require(route != nullptr, "no route {} {}", method, path);
    const auto exchange = std::make_shared<TestExchange>(HttpRequest{method, path, {}, std::move(body), "test"});
    answer(*route, service_, exchange);
    return exchange->wait();
  }

  // Of an answer that is well.
  OrderedJson post(const std::string& path, const OrderedJson& body) const {
    const HttpResponse response = ask("POST", path, json_text(body));
    require(response.status == 200, "{}: {} {}", path, response.status, response.body);
    return OrderedJson::parse(response.body);
  }

  // The data of the events of a stream, without "[DONE]".
  std::vector<OrderedJson> stream(const std::string& path, OrderedJson body) const {
    body["stream"] = true;
    const HttpResponse response = ask("POST", path, json_text(body));
    require(response.status == 200, "{}: {} {}", path, response.status, response.body);
    return events_of(response.body);
  }

  Service& service() { return service_; }

 private:
  static std::vector<OrderedJson> events_of(std::string_view text) {
    std::vector<OrderedJson> events;
    while (!text.empty()) {
      const size_t end = text.find("\n\n");
      require(end != std::string_view::npos, "an event without an end: {}", text);
      const std::string_view event = text.substr(0, end);
      const size_t data = event.find("data: ");
      require(data != std::string_view::npos, "an event without data: {}", event);
      if (event != "data: [DONE]") events.push_back(OrderedJson::parse(event.substr(data + 6)));
      text.remove_prefix(end + 2);
    }
    return events;
  }

  Context context_;
  ServerMetrics metrics_;
  LoadedModel loaded_;
  Service service_;
  std::unique_ptr<Scheduler> scheduler_;
  std::thread thread_;
};

}  // namespace t6
