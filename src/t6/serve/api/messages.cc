// POST /v1/messages and /v1/messages/count_tokens, in Anthropic's form.
#include <algorithm>
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/block_task.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/chat_request.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/message_blocks.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/tool_prompt.h"

namespace t6 {
namespace {

// Cached tokens are counted apart from those that were read.
OrderedJson usage_of_message(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.completion_tokens}};
}

class MessageTask : public BlockTask {
 public:
  // `stops`: the request's own, apart from those of the template.
  MessageTask(const Service& service, std::shared_ptr<Exchange> exchange, bool streams, const AnswerForm& form,
              std::vector<std::string> stops)
      : BlockTask(service, std::move(exchange), streams, form), stops_(std::move(stops)) {}

 private:
  std::string id() const override { return id_; }

  void begun() override { emit("message_start", {{"message", message()}}); }

  void opened() override { emit("content_block_start", {{"index", content_.size()}, {"content_block", block()}}); }

  void grown(const std::string& added) override {
    const bool said = open_kind() == Kind::text;
    change({{"type", said ? "text_delta" : "thinking_delta"}, {said ? "text" : "thinking", added}});
  }

  void closing() override {
    if (open_kind() == Kind::reasoning) change({{"type", "signature_delta"}, {"signature", ""}});
    emit("content_block_stop", {{"index", content_.size()}});
    content_.push_back(block());
  }

  void ended(const JobEnd& end) override { end_ = end; }

  void called(const AnswerPart& call) override {
    OrderedJson block = {{"type", "tool_use"}, {"id", new_id("toolu_")}, {"name", call.name}};
    block["input"] = OrderedJson::object();
    emit("content_block_start", {{"index", content_.size()}, {"content_block", block}});
    change({{"type", "input_json_delta"}, {"partial_json", call.text}});
    emit("content_block_stop", {{"index", content_.size()}});
    block["input"] = input_of(call.text);
    content_.push_back(std::move(block));
  }

  // Clients want an object.
  static OrderedJson input_of(const std::string& arguments) {
    try {
      OrderedJson input = parse_ordered(arguments, "the arguments");
      if (input.is_object()) return input;
    } catch (const Error&) {
    }
    return {{"arguments", arguments}};
  }

  OrderedJson block() const {
    if (open_kind() == Kind::text) return {{"type", "text"}, {"text", text()}};
    return {{"type", "thinking"}, {"thinking", text()}, {"signature", ""}};
  }

  void change(OrderedJson delta) {
    emit("content_block_delta", {{"index", content_.size()}, {"delta", std::move(delta)}});
  }

  void emit(const std::string& name, OrderedJson more) {
    if (!streams_) return;
    OrderedJson event = {{"type", name}};
    event.update(more);
    send(event, name);
  }

  // How it ended, in Anthropic's words.
  OrderedJson ending() const {
    if (reason(0) == "tool_calls") return {{"stop_reason", "tool_use"}, {"stop_sequence", nullptr}};
    if (reason(0) == "length") return {{"stop_reason", "max_tokens"}, {"stop_sequence", nullptr}};
    if (end_.reason == StopReason::stop_string && std::ranges::count(stops_, end_.stop) > 0) {
      return {{"stop_reason", "stop_sequence"}, {"stop_sequence", end_.stop}};
    }
    return {{"stop_reason", "end_turn"}, {"stop_sequence", nullptr}};
  }

  void finish() override {
    OrderedJson usage_so_far = usage_of_message(usage());
    if (streams_) {
      emit("message_delta", {{"delta", ending()}, {"usage", std::move(usage_so_far)}});
      emit("message_stop", OrderedJson::object());
      return close_stream();
    }
    OrderedJson answer = message();
    answer.update(ending());
    answer["content"] = content_;
    reply(answer);
  }

  ErrorForm error_form() const override { return ErrorForm::anthropic; }

  void end_with(const ApiError& error) override {
    send(error_json(error, ErrorForm::anthropic), "error");
    close_stream();
  }

  OrderedJson message() const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", service_.names[0]},
            {"content", OrderedJson::array()},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr},
            {"usage", usage_of_message(usage())}};
  }

  const std::vector<std::string> stops_;
  const std::string id_ = new_id("msg_");
  OrderedJson content_ = OrderedJson::array();  // blocks that are whole
  JobEnd end_;
};

// {"type": "enabled", "budget_tokens": N}: whether a model thinks is up to its template, and how much to the model.
void read_thinking(Body& body, ChatPrompt& prompt) {
  const OrderedJson* const given = body.find("thinking");
  if (!given) return;
  const OrderedJson type = given->is_object() ? given->value("type", OrderedJson(nullptr)) : OrderedJson(nullptr);
  if (type != "enabled" && type != "disabled" && type != "adaptive") {
    bad_value("thinking", *given, "of type \"enabled\", \"adaptive\" or \"disabled\"");
  }
  for (const auto& [key, value] : given->items()) {
    const std::string name = "thinking." + key;
    if (key == "type" || (key == "display" && value == "summarized")) continue;
    if (key != "budget_tokens") throw ApiError(400, fmt::format("{} is not supported", shown(name)), "thinking");
    if (!value.is_number_integer() || value.get<int64_t>() < 1) bad_value(name, value, "a whole number of 1 or more");
  }
  if (type != "adaptive") prompt.variables["enable_thinking"] = type == "enabled";
}

ChatPrompt read_prompt(Body& body) {
  ChatPrompt prompt;
  prompt.messages = read_messages(read_message_blocks(body.at("messages"), body.find("system")));
  read_thinking(body, prompt);
  read_template_variables(body, prompt);
  const OrderedJson& last = prompt.messages.back();
  const bool begun = last["role"] == "assistant";
  if (begun && last["content"] == "" && !last.contains("tool_calls") && prompt.messages.size() > 1) {
    prompt.messages.erase(prompt.messages.size() - 1);
    return prompt;
  }
  // An answer that the client has begun goes on.
  prompt.continue_final_message = begun;
  prompt.add_generation_prompt = !begun;
  return prompt;
}

std::vector<std::string> read_stops(Body& body, const Service& service) {
  std::vector<std::string> stops = body.strings("stop_sequences", service.limits.stops);
  for (const std::string& stop : stops) {
    if (stop.empty()) bad_value("stop_sequences", stop, "texts that are not empty");
  }
  return stops;
}

}  // namespace

void answer_messages(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  ChatPrompt prompt = read_prompt(body);
  const Tools tools = read_message_tools(body);
  std::vector<std::string> stops = read_stops(body, service);
  const bool streams = body.boolean("stream", false);
  body.pass_over({"metadata"});
  body.only("service_tier", {"auto", "standard_only"}, "there is one tier");
  (void)body.at("max_tokens");
  ChatRequest request = read_chat_request(body, service, std::move(prompt), tools, {}, {"max_tokens"});
  body.finish();
  GenerateOptions& options = request.options;
  if (request.grammar) options.constraint = request.grammar->constraint();
  options.stop.insert(options.stop.end(), stops.begin(), stops.end());
  const auto task = std::make_shared<MessageTask>(service, exchange, streams, request.form, std::move(stops));
  task->add(request.prompt.ids, options, request.deadline);
  task->start(client_of(exchange->request()));
}

void count_message_tokens(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  ChatPrompt prompt = read_prompt(body);
  add_tools(prompt, read_message_tools(body), service);
  body.finish();
  exchange->reply({200, json_text({{"input_tokens", render_prompt(prompt, service).ids.size()}})});
}

}  // namespace t6
