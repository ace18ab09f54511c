#include "t6/serve/api/message_blocks.h"

#include <string>
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"

namespace t6 {
namespace {

void append(std::string& text, const std::string& more) {
  if (!text.empty()) text += '\n';
  text += more;
}

// What marks where a prefix may be kept changes nothing: prefixes are kept by themselves.
std::string text_of_block(const OrderedJson& block, const std::string& where) {
  if (!block.is_object() || at(block, "type") != "text") {
    bad_value(where, block, "a block of text, which is all that this model reads");
  }
  only_keys(block, {"type", "text", "cache_control", "citations"}, where);
  return text_at(block, "text", where);
}

std::string text_of(const OrderedJson& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) bad_value(where, content, "a text or a list of blocks");
  std::string text;
  size_t index = 0;
  for (const OrderedJson& block : content) append(text, text_of_block(block, fmt::format("{}[{}]", where, index++)));
  return text;
}

OrderedJson tool_result(const OrderedJson& block, const std::string& where) {
  only_keys(block, {"type", "tool_use_id", "content", "is_error", "cache_control"}, where);
  std::string text = at(block, "content").is_null() ? "" : text_of(block["content"], where + ".content");
  const OrderedJson failed = at(block, "is_error");
  if (!failed.is_null() && !failed.is_boolean()) bad_value(where + ".is_error", failed, "true or false");
  if (failed == true) text.insert(0, "Error: ");
  return {{"role", "tool"}, {"tool_call_id", text_at(block, "tool_use_id", where)}, {"content", std::move(text)}};
}

void add_user(OrderedJson& messages, const OrderedJson& content, const std::string& where) {
  if (!content.is_array()) return messages.push_back({{"role", "user"}, {"content", text_of(content, where)}});
  if (content.empty()) bad_value(where, content, "blocks");
  bool said = false;  // in the message before, of this one's blocks
  size_t index = 0;
  for (const OrderedJson& block : content) {
    const std::string name = fmt::format("{}[{}]", where, index++);
    if (block.is_object() && at(block, "type") == "tool_result") {
      messages.push_back(tool_result(block, name));
      said = false;
      continue;
    }
    std::string text = text_of_block(block, name);
    if (std::exchange(said, true)) {
      std::string all = messages.back()["content"].get<std::string>();
      append(all, text);
      messages.back()["content"] = std::move(all);
    } else {
      messages.push_back({{"role", "user"}, {"content", std::move(text)}});
    }
  }
}

OrderedJson tool_call(const OrderedJson& block, const std::string& where) {
  only_keys(block, {"type", "id", "name", "input", "cache_control", "caller"}, where);
  const OrderedJson input = at(block, "input");
  if (!input.is_object()) bad_value(where + ".input", input, "an object");
  return {{"id", text_at(block, "id", where)},
          {"type", "function"},
          {"function", {{"name", text_at(block, "name", where)}, {"arguments", input}}}};
}

void add_assistant(OrderedJson& messages, const OrderedJson& content, const std::string& where) {
  if (!content.is_array()) return messages.push_back({{"role", "assistant"}, {"content", text_of(content, where)}});
  std::string text, thought;
  OrderedJson calls = OrderedJson::array();
  size_t index = 0;
  for (const OrderedJson& block : content) {
    const std::string name = fmt::format("{}[{}]", where, index++);
    const OrderedJson type = block.is_object() ? at(block, "type") : OrderedJson(nullptr);
    if (type == "tool_use") {
      calls.push_back(tool_call(block, name));
    } else if (type == "thinking") {
      only_keys(block, {"type", "thinking", "signature"}, name);
      append(thought, text_at(block, "thinking", name));
    } else {
      append(text, text_of_block(block, name));
    }
  }
  OrderedJson message = {{"role", "assistant"}, {"content", std::move(text)}};
  if (!thought.empty()) message["reasoning_content"] = std::move(thought);
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  messages.push_back(std::move(message));
}

}  // namespace

OrderedJson read_message_blocks(const OrderedJson& list, const OrderedJson* system) {
  if (!list.is_array() || list.empty()) bad_value("messages", list, "a list of messages");
  OrderedJson messages = OrderedJson::array();
  if (system) messages.push_back({{"role", "system"}, {"content", text_of(*system, "system")}});
  size_t index = 0;
  for (const OrderedJson& message : list) {
    const std::string where = fmt::format("messages[{}]", index++);
    if (!message.is_object()) bad_value(where, message, "an object");
    only_keys(message, {"role", "content"}, where);
    const OrderedJson role = at(message, "role");
    if (role != "user" && role != "assistant") bad_value(where + ".role", role, "\"user\" or \"assistant\"");
    const auto add = role == "user" ? add_user : add_assistant;
    add(messages, at(message, "content"), where + ".content");
  }
  return messages;
}

}  // namespace t6
