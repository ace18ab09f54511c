#include "t6/text/chat_format.h"

#include <fmt/ranges.h>

#include <array>

#include "t6/core/error.h"

namespace t6 {
namespace {

// Formats by name, and what only their templates hold, or those of formats before them.
struct Known {
  ChatFormat format;
  std::string_view mark;
};

const std::array<Known, 5>& known_formats() {
  static const std::array<Known, 5> formats = {{
      {{.name = "chatml",
        .message_begin = "<|im_start|>{role}\n",
        .message_end = "<|im_end|>\n",
        .answer_begin = "<|im_start|>assistant\n",
        .answer_end = "<|im_end|>\n",
        .stop = "<|im_end|>"},
       "<|im_start|>"},
      {{.name = "llama3",
        .begin = "<|begin_of_text|>",
        .message_begin = "<|start_header_id|>{role}<|end_header_id|>\n\n",
        .message_end = "<|eot_id|>",
        .answer_begin = "<|start_header_id|>assistant<|end_header_id|>\n\n",
        .answer_end = "<|eot_id|>",
        .stop = "<|eot_id|>"},
       "<|start_header_id|>"},
      {{.name = "llama2",
        .message_begin = "<s>[INST] ",
        .message_end = " [/INST]",
        .answer_end = " </s>",
        .stop = "</s>",
        .system_inside_user = true,
        .system_begin = "<<SYS>>\n",
        .system_end = "\n<</SYS>>\n\n"},
       "<<SYS>>"},
      {{.name = "mistral",
        .begin = "<s>",
        .message_begin = "[INST] ",
        .message_end = " [/INST]",
        .answer_end = "</s>",
        .stop = "</s>",
        .system_inside_user = true,
        .system_end = "\n\n"},
       "[INST]"},
      {{.name = "plain",
        .message_begin = "{role}: ",
        .message_end = "\n",
        .answer_begin = "assistant:",
        .answer_end = "\n",
        .stop = "\nuser:"},
       ""},
  }};
  return formats;
}

std::string with_role(std::string text, std::string_view role) {
  constexpr std::string_view kRole = "{role}";
  if (const size_t at = text.find(kRole); at != std::string::npos) text.replace(at, kRole.size(), role);
  return text;
}

// The system's message that a ChatML template writes when it is given none: a literal between its marks.
std::string literal_system_message(std::string_view jinja) {
  constexpr std::string_view kBegin = "<|im_start|>system\\n", kEnd = "<|im_end|>";
  for (size_t at = jinja.find(kBegin); at != std::string_view::npos; at = jinja.find(kBegin, at + 1)) {
    const std::string_view rest = jinja.substr(at + kBegin.size());
    const std::string_view message = rest.substr(0, rest.find(kEnd));
    if (!message.empty() && message.size() < rest.size() &&
        message.find_first_of("'\"{}\\") == std::string_view::npos) {
      return std::string(message);
    }
  }
  return "";
}

}  // namespace

std::string ChatFormat::opening(std::string_view system) const {
  if (system.empty() || system_inside_user) return begin;
  return begin + with_role(message_begin, "system") + std::string(system) + message_end;
}

std::string ChatFormat::question(std::string_view user, std::string_view system, bool first) const {
  std::string text = with_role(message_begin, "user");
  if (first && system_inside_user && !system.empty()) text += system_begin + std::string(system) + system_end;
  return text + std::string(user) + message_end + answer_begin;
}

ChatFormat chat_format(std::string_view name) {
  for (const Known& known : known_formats()) {
    if (known.format.name == name) return known.format;
  }
  fail("unknown chat template \"{}\"; known are {}", name, fmt::join(chat_format_names(), ", "));
}

std::vector<std::string> chat_format_names() {
  std::vector<std::string> names;
  for (const Known& known : known_formats()) names.push_back(known.format.name);
  return names;
}

ChatFormat detect_chat_format(std::string_view jinja_template) {
  if (jinja_template.empty()) return chat_format("plain");
  for (const Known& known : known_formats()) {
    if (known.mark.empty() || jinja_template.find(known.mark) == std::string_view::npos) continue;
    ChatFormat format = known.format;
    format.default_system = literal_system_message(jinja_template);
    return format;
  }
  fail("the model's chat template is none of those known; choose one with --template: {}",
       fmt::join(chat_format_names(), ", "));
}

}  // namespace t6
