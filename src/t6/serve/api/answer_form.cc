#include "t6/serve/api/answer_form.h"

#include <algorithm>
#include <string>

namespace t6 {
namespace {

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool ends_in_think(std::string_view prompt) {
  return prompt.substr(0, prompt.find_last_not_of(" \t\r\n") + 1).ends_with("<think>");
}

}  // namespace

CallFormat call_format(std::string_view source) {
  if (holds(source, "<tool_call>")) return CallFormat::hermes;
  if (holds(source, "[TOOL_CALLS]")) return CallFormat::mistral;
  if (holds(source, "<|python_tag|>") || holds(source, "\"parameters\": ")) return CallFormat::llama;
  return CallFormat::hermes;
}

AnswerForm answer_form(const Service& service, std::string_view prompt, bool tools) {
  const std::string& source = service.chat_template->source();
  const bool thinks = holds(source, "</think>");
  return {.may_think = thinks,
          .thinking = thinks && ends_in_think(prompt),
          .calls = tools ? call_format(source) : CallFormat::none};
}

}  // namespace t6
