#include "t6/serve/api/response_items.h"

#include <string>
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/messages_json.h"

namespace t6 {
namespace {

// The assistant's message that the last item goes on with.
OrderedJson& assistant_of(OrderedJson& messages) {
  if (messages.empty() || messages.back()["role"] != "assistant") {
    messages.push_back({{"role", "assistant"}, {"content", ""}});
  }
  return messages.back();
}

void append(OrderedJson& text, const std::string& more) {
  const std::string before = text.is_string() ? text.get<std::string>() : "";
  text = before.empty() ? more : before + "\n" + more;
}

void add_message(OrderedJson& messages, const OrderedJson& item, const std::string& where) {
  only_keys(item, {"type", "role", "content", "id", "status", "phase"}, where);
  if (!item.contains("content")) throw ApiError(400, where + ".content is missing", where);
  const std::string text = content_text(item["content"], where + ".content");
  if (item.value("role", OrderedJson(nullptr)) == "assistant") {
    OrderedJson& message = assistant_of(messages);
    if (message.contains("tool_calls")) {
      messages.push_back({{"role", "assistant"}, {"content", text}});
    } else {
      append(message["content"], text);
    }
  } else {
    messages.push_back({{"role", item.value("role", OrderedJson(nullptr))}, {"content", text}});
  }
}

void add_call(OrderedJson& messages, const OrderedJson& item, const std::string& where) {
  only_keys(item, {"type", "id", "call_id", "name", "arguments", "status"}, where);
  OrderedJson call = {{"id", text_at(item, "call_id", where)}, {"type", "function"}};
  call["function"] = {{"name", text_at(item, "name", where)}, {"arguments", text_at(item, "arguments", where)}};
  OrderedJson& calls = assistant_of(messages)["tool_calls"];
  if (calls.is_null()) calls = OrderedJson::array();
  calls.push_back(std::move(call));
}

void add_output(OrderedJson& messages, const OrderedJson& item, const std::string& where) {
  only_keys(item, {"type", "id", "call_id", "output", "status"}, where);
  messages.push_back({{"role", "tool"},
                      {"tool_call_id", text_at(item, "call_id", where)},
                      {"content", content_text(item.value("output", OrderedJson(nullptr)), where + ".output")}});
}

// What was thought, not its summary, which is not the model's own.
void add_reasoning(OrderedJson& messages, const OrderedJson& item, const std::string& where) {
  only_keys(item, {"type", "id", "summary", "content", "status", "encrypted_content"}, where);
  if (item.contains("encrypted_content") && !item["encrypted_content"].is_null()) {
    throw ApiError(400, where + ".encrypted_content is not supported", where);
  }
  if (!item.contains("content") || item["content"].is_null()) return;
  OrderedJson& message = assistant_of(messages);
  append(message["reasoning_content"], content_text(item["content"], where + ".content"));
}

void add_item(OrderedJson& messages, const OrderedJson& item, const std::string& where) {
  if (!item.is_object()) bad_value(where, item, "an object");
  const OrderedJson type = item.value("type", OrderedJson("message"));
  if (type == "message") return add_message(messages, item, where);
  if (type == "function_call") return add_call(messages, item, where);
  if (type == "function_call_output") return add_output(messages, item, where);
  if (type == "reasoning") return add_reasoning(messages, item, where);
  bad_value(where + ".type", type, "message, function_call, function_call_output or reasoning");
}

}  // namespace

OrderedJson read_response_input(const OrderedJson& input) {
  if (input.is_string()) return OrderedJson::array({{{"role", "user"}, {"content", input}}});
  if (!input.is_array() || input.empty()) bad_value("input", input, "a text or a list of items");
  OrderedJson messages = OrderedJson::array();
  size_t index = 0;
  for (const OrderedJson& item : input) add_item(messages, item, fmt::format("input[{}]", index++));
  return messages;
}

}  // namespace t6
