#include "t6/serve/api/messages_json.h"

#include <algorithm>
#include <array>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"

namespace t6 {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant", "tool"};

// A function's arguments: clients give a text of JSON, templates want what it says.
OrderedJson read_arguments(const OrderedJson& arguments, const std::string& where) {
  OrderedJson read = arguments;
  if (arguments == "") return OrderedJson::object();  // some clients' way to say none
  try {
    if (arguments.is_string()) read = parse_ordered(arguments.get_ref<const std::string&>(), where);
  } catch (const Error& error) {
    throw ApiError(400, error.what(), "messages");
  }
  if (!read.is_object()) bad_value(where + ".arguments", arguments, "an object, or its text");
  return read;
}

OrderedJson read_tool_calls(const OrderedJson& calls, const std::string& where) {
  if (!calls.is_array()) bad_value(where, calls, "a list");
  OrderedJson list = OrderedJson::array();
  for (const OrderedJson& call : calls) {
    const bool known = call.is_object() && call.contains("function") && call["function"].is_object() &&
                       call["function"].contains("name") && call["function"]["name"].is_string();
    if (!known) bad_value(where, call, "a list of function calls");
    OrderedJson function = {{"name", call["function"]["name"]}};
    function["arguments"] = read_arguments(call["function"].value("arguments", OrderedJson::object()), where);
    OrderedJson item = {{"type", "function"}, {"function", std::move(function)}};
    if (call.contains("id")) item["id"] = call["id"];
    list.push_back(std::move(item));
  }
  return list;
}

OrderedJson read_message(const OrderedJson& message, const std::string& where) {
  if (!message.is_object()) bad_value(where, message, "an object");
  if (!message.contains("role") || !message["role"].is_string() ||
      std::ranges::count(kRoles, message["role"].get_ref<const std::string&>()) == 0) {
    bad_value(where + ".role", message.value("role", OrderedJson(nullptr)), "system, user, assistant or tool");
  }
  const std::string role = message["role"];
  OrderedJson read = {{"role", role == "developer" ? "system" : role}};
  bool called = false;
  for (const auto& [key, value] : message.items()) {
    const std::string name = where + "." + key;
    if (key == "role" || value.is_null()) continue;
    if (key == "content") {
      read[key] = content_text(value, name);
    } else if (key == "name" || key == "tool_call_id") {
      if (!value.is_string()) bad_value(name, value, "a string");
      read[key] = value;
    } else if (role == "assistant" && (key == "reasoning_content" || key == "reasoning")) {
      read["reasoning_content"] = content_text(value, name);
    } else if (role == "assistant" && key == "tool_calls") {
      read[key] = read_tool_calls(value, name);
      called = !read[key].empty();
    } else if (role == "assistant" && (key == "annotations" || key == "refusal" || key == "audio")) {
      continue;  // what answers of other servers carry
    } else {
      throw ApiError(400, fmt::format("{} is not supported", name), name);
    }
  }
  if (!read.contains("content")) {
    if (!called) throw ApiError(400, where + ".content is missing", where + ".content");
    read["content"] = "";
  }
  return read;
}

}  // namespace

std::string content_text(const OrderedJson& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) bad_value(where, content, "a text or a list of parts");
  std::string text;
  for (const OrderedJson& part : content) {
    const std::string type = part.is_object() && part.contains("type") && part["type"].is_string() ? part["type"] : "";
    const bool is_text = type == "text" || type == "input_text" || type == "output_text" || type == "reasoning_text";
    if (!is_text || !part.contains("text") || !part["text"].is_string()) {
      bad_value(where, part, "parts of text, which is all that this model reads");
    }
    if (!text.empty()) text += '\n';
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

OrderedJson read_messages(const OrderedJson& list) {
  if (!list.is_array() || list.empty()) bad_value("messages", list, "a list of messages");
  OrderedJson messages = OrderedJson::array();
  for (const OrderedJson& message : list) {
    messages.push_back(read_message(message, fmt::format("messages[{}]", messages.size())));
  }
  return messages;
}

ChatPrompt read_chat_prompt(Body& body) {
  ChatPrompt prompt;
  prompt.messages = read_messages(body.at("messages"));
  read_template_variables(body, prompt);
  if (const auto effort = body.optional_string("reasoning_effort")) prompt.variables["reasoning_effort"] = *effort;
  prompt.continue_final_message = body.boolean("continue_final_message", false);
  prompt.add_generation_prompt = body.boolean("add_generation_prompt", !prompt.continue_final_message);
  if (prompt.continue_final_message && prompt.add_generation_prompt) {
    throw ApiError(400, "continue_final_message and add_generation_prompt exclude each other",
                   "continue_final_message");
  }
  return prompt;
}

void read_template_variables(Body& body, ChatPrompt& prompt) {
  if (const OrderedJson* const given = body.find("chat_template_kwargs")) {
    if (!given->is_object()) bad_value("chat_template_kwargs", *given, "an object");
    prompt.variables = *given;
  }
  if (const OrderedJson* const documents = body.find("documents")) {
    if (!documents->is_array()) bad_value("documents", *documents, "a list");
    prompt.variables["documents"] = *documents;
  }
}

RenderedPrompt render_prompt(const ChatPrompt& prompt, const Service& service) {
  OrderedJson messages = prompt.messages;
  for (OrderedJson& message : messages) {
    if (message["role"] == "assistant") continue;
    message["content"] = service.control_tokens->marked(message["content"].get_ref<const std::string&>());
  }
  std::string text;
  try {
    text = service.chat_template->render(messages, prompt.variables,
                                         prompt.add_generation_prompt && !prompt.continue_final_message);
  } catch (const Error& error) {
    throw ApiError(400, fmt::format("the chat template: {}", error.what()), "messages");
  }
  if (prompt.continue_final_message) {
    const std::string& last = messages.back()["content"].get_ref<const std::string&>();
    const size_t found = last.empty() ? std::string::npos : text.rfind(last);
    if (messages.back()["role"] != "assistant" || found == std::string::npos) {
      throw ApiError(400,
                     "continue_final_message: the last message must be an assistant's, with a text that the template "
                     "writes as it is",
                     "continue_final_message");
    }
    text.resize(found + last.size());
  }
  RenderedPrompt rendered;
  encode_marked(*service.loaded.tokenizer, text, 0, rendered.ids);
  rendered.text = without_marks(text);
  return rendered;
}

}  // namespace t6
