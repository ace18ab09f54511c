#include "t6/serve/api/tool_prompt.h"

#include <string>
#include <utility>

namespace t6 {
namespace {

std::string description_of(const Tools& tools) {
  std::string text =
      "You may call functions to help with what the user asks. These are the functions, a JSON object on each line:\n"
      "<tools>\n";
  for (const OrderedJson& function : tools.functions) text += json_text(function) + "\n";
  return text +
         "</tools>\n"
         "To call one, write its name and its arguments as JSON between these tags:\n"
         "<tool_call>\n{\"name\": NAME, \"arguments\": ARGUMENTS}\n</tool_call>";
}

// A call as the model would have written it.
std::string call_text(const OrderedJson& call) {
  const OrderedJson& function = call["function"];
  const OrderedJson json = {{"name", function["name"]}, {"arguments", function["arguments"]}};
  return "<tool_call>\n" + json_text(json) + "\n</tool_call>";
}

void append_line(std::string& text, const std::string& line) {
  if (!text.empty()) text += '\n';
  text += line;
}

// Neighbouring results are one message of the user, since many templates want the roles to take turns.
OrderedJson spelled_out(const OrderedJson& messages) {
  OrderedJson list = OrderedJson::array();
  bool results = false;
  for (OrderedJson message : messages) {
    std::string text = message["content"].get<std::string>();
    if (const auto calls = message.find("tool_calls"); calls != message.end()) {
      for (const OrderedJson& call : *calls) append_line(text, call_text(call));
      message.erase("tool_calls");
    }
    const bool result = message["role"] == "tool";
    if (result) {
      text = "<tool_response>\n" + text + "\n</tool_response>";
      message = {{"role", "user"}};
    }
    if (result && results) {
      text = list.back()["content"].get<std::string>() + "\n" + text;
      list.erase(list.size() - 1);
    }
    results = result;
    message["content"] = std::move(text);
    list.push_back(std::move(message));
  }
  return list;
}

}  // namespace

void add_tools(ChatPrompt& prompt, const Tools& tools, const Service& service) {
  if (service.chat_template->source().find("tool") != std::string::npos) {
    if (tools.offered()) prompt.variables["tools"] = tools.functions;
    return;
  }
  prompt.messages = spelled_out(prompt.messages);
  if (!tools.offered()) return;
  const std::string description = description_of(tools);
  if (prompt.messages[0]["role"] == "system") {
    OrderedJson& content = prompt.messages[0]["content"];
    content = content.get<std::string>() + "\n\n" + description;
  } else {
    prompt.messages.insert(prompt.messages.begin(), OrderedJson{{"role", "system"}, {"content", description}});
  }
}

}  // namespace t6
