// POST /v1/chat/completions.
#include <algorithm>
#include <utility>

#include "t6/serve/api/answer_task.h"
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/chat_request.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/stream_options.h"
#include "t6/serve/api/token_json.h"
#include "t6/serve/api/usage.h"

namespace t6 {
namespace {

struct ChatSettings {
  int64_t answers = 1;
  int64_t likeliest = -1;  // top_logprobs; -1: no log-probabilities
  StreamOptions stream;
};

class ChatTask : public AnswerTask {
 public:
  ChatTask(const Service& service, std::shared_ptr<Exchange> exchange, const ChatSettings& settings,
           const AnswerForm& form)
      : AnswerTask(service, std::move(exchange), settings.stream.wanted, form, settings.answers),
        settings_(settings),
        choices_(static_cast<size_t>(settings.answers)) {}

 private:
  std::string id() const override { return id_; }

  struct Choice {
    std::string text, reasoning;
    OrderedJson calls = OrderedJson::array();
    OrderedJson logprobs = OrderedJson::array();
  };

  void take_parts(size_t index, const std::vector<AnswerPart>& parts, const Piece& piece) override {
    OrderedJson logprobs = nullptr;
    if (settings_.likeliest >= 0) {
      logprobs = chat_logprobs(*service_.loaded.tokenizer, piece.written, settings_.likeliest);
    }
    if (streams_) return send_parts(index, parts, std::move(logprobs));
    Choice& choice = choices_[index];
    for (const AnswerPart& part : parts) {
      if (part.kind == AnswerPart::Kind::call) choice.calls.push_back(call_json(part));
      if (part.kind == AnswerPart::Kind::text) choice.text += part.text;
      if (part.kind == AnswerPart::Kind::reasoning) choice.reasoning += part.text;
    }
    for (OrderedJson& token : logprobs) choice.logprobs.push_back(std::move(token));
  }

  // The tokens' log-probabilities go with the first part, or alone where their text is held back.
  void send_parts(size_t index, const std::vector<AnswerPart>& parts, OrderedJson logprobs) {
    greet();
    OrderedJson told = nullptr;
    if (!logprobs.is_null() && !logprobs.empty()) told = {{"content", std::move(logprobs)}};
    for (const AnswerPart& part : parts) send_choice(index, delta_of(index, part), std::exchange(told, nullptr), {});
    if (!told.is_null()) send_choice(index, {{"content", ""}}, std::move(told), {});
    if (!reason(index).empty()) send_choice(index, OrderedJson::object(), nullptr, reason(index));
  }

  void greet() {
    if (std::exchange(greeted_, true)) return;
    for (size_t i = 0; i < choices_.size(); ++i) send_choice(i, {{"role", "assistant"}, {"content", ""}}, nullptr, {});
  }

  OrderedJson delta_of(size_t index, const AnswerPart& part) {
    if (part.kind == AnswerPart::Kind::text) return {{"content", part.text}};
    // Servers differ in the key's name, and clients know one of the two.
    if (part.kind == AnswerPart::Kind::reasoning) return {{"reasoning", part.text}, {"reasoning_content", part.text}};
    OrderedJson call = call_json(part);
    call["index"] = choices_[index].calls.size();
    choices_[index].calls.push_back(nullptr);
    return {{"tool_calls", OrderedJson::array({std::move(call)})}};
  }

  static OrderedJson call_json(const AnswerPart& call) {
    return {
        {"id", new_id("call_")}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.text}}}};
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
    if (streams_) {
      if (settings_.stream.usage) {
        OrderedJson event = head("chat.completion.chunk");
        event["choices"] = OrderedJson::array();
        event["usage"] = usage_json(usage());
        send(event);
      }
      return end_stream();
    }
    OrderedJson answer = head("chat.completion");
    OrderedJson& list = answer["choices"] = OrderedJson::array();
    for (size_t i = 0; i < choices_.size(); ++i) {
      list.push_back({{"index", i},
                      {"message", message_json(choices_[i])},
                      {"logprobs", settings_.likeliest >= 0 ? OrderedJson{{"content", std::move(choices_[i].logprobs)}}
                                                            : OrderedJson(nullptr)},
                      {"finish_reason", reason(i)}});
    }
    answer["usage"] = usage_json(usage());
    reply(answer);
  }

  static OrderedJson message_json(Choice& choice) {
    OrderedJson message = {{"role", "assistant"}, {"content", choice.text}};
    if (choice.text.empty() && !choice.calls.empty()) message["content"] = nullptr;
    if (!choice.reasoning.empty()) message["reasoning"] = message["reasoning_content"] = choice.reasoning;
    if (!choice.calls.empty()) message["tool_calls"] = std::move(choice.calls);
    return message;
  }

  OrderedJson head(const char* object) const {
    return {{"id", id_}, {"object", object}, {"created", created_}, {"model", service_.names[0]}};
  }

  const ChatSettings settings_;
  const std::string id_ = new_id("chatcmpl-");
  const int64_t created_ = unix_seconds();
  std::vector<Choice> choices_;
  bool greeted_ = false;
};

ChatSettings chat_settings(Body& body, const Service& service) {
  ChatSettings settings;
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
void read_chat_books(Body& body) {
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
  const Tools tools = read_chat_tools(body);
  const ChatSettings settings = chat_settings(body, service);
  read_chat_books(body);
  const OutputFormat format = read_output_format(body);
  ChatRequest request =
      read_chat_request(body, service, prompt, tools, format, {"max_completion_tokens", "max_tokens"});
  body.finish();
  GenerateOptions& options = request.options;
  if (settings.likeliest >= 0) options.log_probabilities = std::max<int64_t>(settings.likeliest, 1);
  const auto task = std::make_shared<ChatTask>(service, exchange, settings, request.form);
  for (int64_t n = 0; n < settings.answers; ++n) {
    if (request.grammar) options.constraint = request.grammar->constraint();
    task->add(request.prompt.ids, options, request.deadline);
    ++options.sampler.seed;
  }
  task->start(client_of(exchange->request()));
}

}  // namespace t6
