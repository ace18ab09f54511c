// POST /v1/chat/completions.
#include <algorithm>
#include <limits>
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/messages_json.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/stream_options.h"
#include "t6/serve/api/task.h"
#include "t6/serve/api/token_json.h"
#include "t6/serve/api/usage.h"

namespace t6 {
namespace {

struct Settings {
  int64_t answers = 1;
  int64_t likeliest = -1;  // top_logprobs; -1: no log-probabilities
  StreamOptions stream;
};

class ChatTask : public Task {
 public:
  ChatTask(const Service& service, std::shared_ptr<Exchange> exchange, const Settings& settings)
      : Task(service, std::move(exchange), settings.stream.wanted),
        settings_(settings),
        choices_(static_cast<size_t>(settings.answers)) {}

 private:
  struct Choice {
    std::string text;
    OrderedJson logprobs = OrderedJson::array();
    int64_t tokens = 0;
    bool begun = false;
    std::string_view reason;
  };

  void take(size_t index, const Piece& piece) override {
    Choice& choice = choices_[index];
    std::string_view text = piece.text;
    // SentencePiece begins a text with a space that is not of it.
    if (!choice.begun && !text.empty() && service_.loaded.tokenizer->strips_space() && text[0] == ' ') {
      text.remove_prefix(1);
    }
    choice.begun = choice.begun || !piece.text.empty();
    choice.tokens = piece.tokens;
    cached_ = std::max(cached_, index == 0 ? piece.cached_tokens : 0);
    if (piece.end) choice.reason = finish_reason(*piece.end);
    OrderedJson logprobs = nullptr;
    if (settings_.likeliest >= 0) {
      logprobs = chat_logprobs(*service_.loaded.tokenizer, piece.written, settings_.likeliest);
    }
    if (streams_) return send_piece(index, text, std::move(logprobs));
    choice.text += text;
    for (OrderedJson& token : logprobs) choice.logprobs.push_back(std::move(token));
  }

  void send_piece(size_t index, std::string_view text, OrderedJson logprobs) {
    if (!greeted_) {
      greeted_ = true;
      for (size_t i = 0; i < choices_.size(); ++i)
        send_choice(i, {{"role", "assistant"}, {"content", ""}}, nullptr, {});
    }
    const bool told = !logprobs.is_null() && !logprobs.empty();
    if (!text.empty() || told) {
      send_choice(index, {{"content", text}}, told ? OrderedJson{{"content", std::move(logprobs)}} : nullptr, {});
    }
    if (!choices_[index].reason.empty()) {
      send_choice(index, OrderedJson::object(), nullptr, choices_[index].reason);
    }
  }

  void send_choice(size_t index, OrderedJson delta, OrderedJson logprobs, std::string_view reason) {
    OrderedJson event = head("chat.completion.chunk");
    event["choices"] =
        OrderedJson::array({{{"index", index},
                             {"delta", std::move(delta)},
                             {"logprobs", std::move(logprobs)},
                             {"finish_reason", reason.empty() ? OrderedJson(nullptr) : OrderedJson(reason)}}});
    if (settings_.stream.usage) event["usage"] = nullptr;
    send(event);
  }

  void finish() override {
    Usage usage = {.prompt_tokens = static_cast<int64_t>(prompt(0).size()), .cached_tokens = cached_};
    for (const Choice& choice : choices_) usage.completion_tokens += choice.tokens;
    if (streams_) {
      if (settings_.stream.usage) {
        OrderedJson event = head("chat.completion.chunk");
        event["choices"] = OrderedJson::array();
        event["usage"] = usage_json(usage);
        send(event);
      }
      return end_stream();
    }
    OrderedJson answer = head("chat.completion");
    OrderedJson& list = answer["choices"] = OrderedJson::array();
    for (Choice& choice : choices_) {
      list.push_back({{"index", list.size()},
                      {"message", {{"role", "assistant"}, {"content", choice.text}}},
                      {"logprobs", settings_.likeliest >= 0 ? OrderedJson{{"content", std::move(choice.logprobs)}}
                                                            : OrderedJson(nullptr)},
                      {"finish_reason", choice.reason}});
    }
    answer["usage"] = usage_json(usage);
    reply(answer);
  }

  OrderedJson head(const char* object) const {
    return {{"id", id_}, {"object", object}, {"created", created_}, {"model", service_.names[0]}};
  }

  const Settings settings_;
  const std::string id_ = new_id("chatcmpl-");
  const int64_t created_ = unix_seconds();
  std::vector<Choice> choices_;
  int64_t cached_ = 0;
  bool greeted_ = false;
};

Settings read_settings(Body& body, const Service& service) {
  Settings settings;
  settings.answers = body.integer("n", 1, 1, service.limits.sequences);
  settings.stream = read_stream_options(body);
  const int64_t likeliest = body.integer("top_logprobs", 0, 0, service.limits.likeliest);
  if (body.boolean("logprobs", false)) {
    settings.likeliest = likeliest;
  } else if (likeliest > 0) {
    throw ApiError(400, "top_logprobs without logprobs", "top_logprobs");
  }
  return settings;
}

// What OpenAI's clients may say and what changes nothing on a server of one's own.
void read_books(Body& body) {
  body.pass_over({"user", "metadata", "safety_identifier", "prompt_cache_key"});
  body.only("store", {false}, "nothing is stored");
  body.only("service_tier", {"auto", "default"}, "there is one tier");
  body.only("modalities", {OrderedJson::array({"text"})}, "answers are text");
}

}  // namespace

void complete_chat(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  const ChatPrompt prompt = read_chat_prompt(body);
  const Settings settings = read_settings(body, service);
  GenerateOptions options = read_sampling(body, service);
  const AnswerStops& stops = service.answer_stops;
  options.stop_tokens.insert(options.stop_tokens.end(), stops.tokens.begin(), stops.tokens.end());
  options.stop.insert(options.stop.end(), stops.texts.begin(), stops.texts.end());
  if (settings.likeliest >= 0) options.log_probabilities = std::max<int64_t>(settings.likeliest, 1);
  const auto deadline = read_deadline(body, service);
  read_books(body);
  const RenderedPrompt rendered = render_prompt(prompt, service);
  options.max_tokens =
      read_max_tokens(body, {"max_completion_tokens", "max_tokens"}, static_cast<int64_t>(rendered.ids.size()), service,
                      std::numeric_limits<int64_t>::max(), 1);
  body.finish();
  const auto task = std::make_shared<ChatTask>(service, exchange, settings);
  for (int64_t n = 0; n < settings.answers; ++n) {
    task->add(rendered.ids, options, deadline);
    ++options.sampler.seed;
  }
  task->start(client_of(exchange->request()));
}

}  // namespace t6
