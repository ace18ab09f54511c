// POST /v1/responses, OpenAI's newer form, without anything being stored.
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/block_task.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/chat_request.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/response_items.h"
#include "t6/serve/api/sampling.h"

namespace t6 {
namespace {

OrderedJson usage_of_response(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

// Blocks are items here.
class ResponseTask : public BlockTask {
 public:
  // `echoed`: what the answer repeats of the request.
  ResponseTask(const Service& service, std::shared_ptr<Exchange> exchange, bool streams, const AnswerForm& form,
               OrderedJson echoed)
      : BlockTask(service, std::move(exchange), streams, form), echoed_(std::move(echoed)) {}

 private:
  std::string id() const override { return id_; }

  void begun() override {
    emit("response.created", {{"response", response("in_progress")}});
    emit("response.in_progress", {{"response", response("in_progress")}});
  }

  void opened() override {
    id_of_item_ = new_id(open_kind() == Kind::text ? "msg_" : "rs_");
    emit("response.output_item.added", {{"output_index", output_.size()}, {"item", item("in_progress")}});
    tell("response.content_part.added", {{"content_index", 0}, {"part", content("")}});
  }

  void grown(const std::string& added) override { tell(part_event("delta"), {{"content_index", 0}, {"delta", added}}); }

  void closing() override {
    tell(part_event("done"), {{"content_index", 0}, {"text", text()}});
    tell("response.content_part.done", {{"content_index", 0}, {"part", content(text())}});
    const bool whole = reason(0).empty() || reason(0) != "length";
    end_item(item(whole ? "completed" : "incomplete"));
  }

  // An answer has something to show, if only an empty message.
  void ended(const JobEnd&) override {
    if (!output_.empty() && output_.back()["type"] != "reasoning") return;
    open(Kind::text);
    close();
  }

  void called(const AnswerPart& call) override {
    id_of_item_ = new_id("fc_");
    OrderedJson item = {{"id", id_of_item_}, {"type", "function_call"}, {"status", "in_progress"}};
    item.update({{"call_id", new_id("call_")}, {"name", call.name}, {"arguments", ""}});
    emit("response.output_item.added", {{"output_index", output_.size()}, {"item", item}});
    tell("response.function_call_arguments.delta", {{"delta", call.text}});
    tell("response.function_call_arguments.done", {{"name", call.name}, {"arguments", call.text}});
    item["status"] = "completed";
    item["arguments"] = call.text;
    end_item(std::move(item));
  }

  void end_item(OrderedJson item) {
    emit("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
    output_.push_back(std::move(item));
  }

  std::string part_event(const char* what) const {
    return std::string(open_kind() == Kind::text ? "response.output_text." : "response.reasoning_text.") + what;
  }

  OrderedJson content(const std::string& text) const {
    if (open_kind() == Kind::reasoning) return {{"type", "reasoning_text"}, {"text", text}};
    return {{"type", "output_text"},
            {"text", text},
            {"annotations", OrderedJson::array()},
            {"logprobs", OrderedJson::array()}};
  }

  OrderedJson item(const std::string& status) const {
    const bool said = open_kind() == Kind::text;
    OrderedJson item = {{"id", id_of_item_}, {"type", said ? "message" : "reasoning"}, {"status", status}};
    if (said) item["role"] = "assistant";
    if (!said) item["summary"] = OrderedJson::array();
    item["content"] = status == "in_progress" ? OrderedJson::array() : OrderedJson::array({content(text())});
    return item;
  }

  // An event about the open item.
  void tell(const std::string& name, OrderedJson more) {
    OrderedJson event = {{"item_id", id_of_item_}, {"output_index", output_.size()}};
    event.update(more);
    if (name.starts_with("response.output_text.")) event["logprobs"] = OrderedJson::array();
    emit(name, std::move(event));
  }

  void emit(const std::string& name, OrderedJson more) {
    if (!streams_) return;
    OrderedJson event = {{"type", name}, {"sequence_number", sequence_number_++}};
    event.update(more);
    send(event, name);
  }

  void finish() override {
    const bool whole = reason(0) != "length";
    OrderedJson answer = response(whole ? "completed" : "incomplete");
    if (!whole) answer["incomplete_details"] = {{"reason", "max_output_tokens"}};
    answer["usage"] = usage_of_response(usage());
    if (!streams_) return reply(answer);
    emit(whole ? "response.completed" : "response.incomplete", {{"response", std::move(answer)}});
    close_stream();
  }

  void end_with(const ApiError& error) override {
    OrderedJson answer = response("failed");
    answer["error"] = {{"code", "server_error"}, {"message", error.what()}};
    emit("response.failed", {{"response", std::move(answer)}});
    close_stream();
  }

  OrderedJson response(const char* status) const {
    OrderedJson answer = {{"id", id_},
                          {"object", "response"},
                          {"created_at", created_},
                          {"status", status},
                          {"background", false},
                          {"error", nullptr},
                          {"incomplete_details", nullptr},
                          {"model", service_.names[0]},
                          {"output", output_},
                          {"previous_response_id", nullptr},
                          {"service_tier", "default"},
                          {"store", false},
                          {"truncation", "disabled"},
                          {"usage", nullptr}};
    answer.update(echoed_);
    return answer;
  }

  const OrderedJson echoed_;
  const std::string id_ = new_id("resp_");
  const int64_t created_ = unix_seconds();
  OrderedJson output_ = OrderedJson::array();  // items that are whole
  std::string id_of_item_;
  int64_t sequence_number_ = 0;
};

// What changes nothing where nothing is stored and there is one model; anything else is refused by name.
void read_response_books(Body& body) {
  body.pass_over({"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"});
  body.only("store", {false}, "nothing is stored");
  body.only("previous_response_id", {}, "nothing is stored; send the whole conversation as input");
  body.only("background", {false}, "answers are given at once");
  body.only("service_tier", {"auto", "default"}, "there is one tier");
  body.only("truncation", {"disabled"}, "a conversation that is too long is an error");
  body.only("include", {OrderedJson::array()}, "there is nothing to include");
  body.only("top_logprobs", {0}, "log-probabilities are at /v1/chat/completions");
}

// "reasoning": {"effort", "summary"}
OrderedJson read_reasoning(Body& body, ChatPrompt& prompt) {
  OrderedJson echoed = {{"effort", nullptr}, {"summary", nullptr}};
  const OrderedJson* const given = body.find("reasoning");
  if (!given) return echoed;
  if (!given->is_object()) bad_value("reasoning", *given, "an object");
  for (const auto& [key, value] : given->items()) {
    if (value.is_null()) continue;
    if (key != "effort" || !value.is_string()) {
      throw ApiError(400, fmt::format("reasoning: {} = {} is not supported", shown(key), shown(value)), "reasoning");
    }
    prompt.variables["reasoning_effort"] = value;
    echoed["effort"] = value;
  }
  return echoed;
}

// "text": {"format"}
OutputFormat read_text_format(Body& body, OrderedJson& echoed) {
  echoed["text"] = {{"format", {{"type", "text"}}}};
  const OrderedJson* const given = body.find("text");
  if (!given) return {};
  if (!given->is_object()) bad_value("text", *given, "an object");
  OutputFormat format;
  for (const auto& [key, value] : given->items()) {
    if (value.is_null() || (key == "verbosity" && value == "medium")) continue;
    if (key != "format") {
      throw ApiError(400, fmt::format("text: {} = {} is not supported", shown(key), shown(value)), "text");
    }
    format = read_flat_format(value, "text.format");
    echoed["text"]["format"] = value;
  }
  return format;
}

bool read_stream(Body& body) {
  const bool wanted = body.boolean("stream", false);
  body.only(
      "stream_options",
      {OrderedJson::object(), OrderedJson{{"include_obfuscation", false}}, OrderedJson{{"include_obfuscation", true}}},
      "there is nothing to choose");
  return wanted;
}

ChatPrompt read_prompt(Body& body, OrderedJson& echoed) {
  ChatPrompt prompt;
  OrderedJson messages = read_response_input(body.at("input"));
  const auto instructions = body.optional_string("instructions");
  if (instructions) messages.insert(messages.begin(), OrderedJson{{"role", "system"}, {"content", *instructions}});
  prompt.messages = read_messages(messages);
  read_template_variables(body, prompt);
  echoed["instructions"] = instructions ? OrderedJson(*instructions) : OrderedJson(nullptr);
  echoed["reasoning"] = read_reasoning(body, prompt);
  return prompt;
}

OrderedJson or_null(const OrderedJson* found) { return found ? *found : OrderedJson(nullptr); }

void echo(Body& body, const ChatRequest& request, const Tools& tools, OrderedJson& echoed) {
  echoed["temperature"] = request.options.sampler.temperature;
  echoed["top_p"] = request.options.sampler.top_p;
  echoed["max_output_tokens"] = or_null(body.find("max_output_tokens"));
  echoed["tools"] = body.has("tools") ? body.at("tools") : OrderedJson::array();
  echoed["tool_choice"] = body.has("tool_choice") ? body.at("tool_choice") : OrderedJson("auto");
  echoed["parallel_tool_calls"] = tools.parallel;
  const OrderedJson* const metadata = body.find("metadata");
  if (metadata && !metadata->is_object()) bad_value("metadata", *metadata, "an object");
  echoed["metadata"] = metadata ? *metadata : OrderedJson::object();
}

}  // namespace

void respond(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  OrderedJson echoed = OrderedJson::object();
  ChatPrompt prompt = read_prompt(body, echoed);
  const Tools tools = read_response_tools(body);
  const OutputFormat format = read_text_format(body, echoed);
  const bool streams = read_stream(body);
  read_response_books(body);
  ChatRequest request = read_chat_request(body, service, std::move(prompt), tools, format, {"max_output_tokens"});
  if (request.grammar) request.options.constraint = request.grammar->constraint();
  echo(body, request, tools, echoed);
  body.finish();
  const auto task = std::make_shared<ResponseTask>(service, exchange, streams, request.form, std::move(echoed));
  task->add(request.prompt.ids, request.options, request.deadline);
  task->start(client_of(exchange->request()));
}

}  // namespace t6
