#include "t6/text/chat_template.h"

#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"

namespace t6 {
namespace {

struct BuiltIn {
  std::string_view name, source;
};

// bos_token is what the tokenizer puts before a text by itself.
constexpr std::array<BuiltIn, 5> kBuiltIn = {{
    {"chatml",
     R"({{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %})"
     R"({% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})"},
    {"llama3",
     R"(<|begin_of_text|>{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content )"
     R"(+ '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %})"
     R"({{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %})"},
    {"llama2",
     R"({% if messages[0].role == 'system' %}{% set system = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %})"
     R"({% set talk = messages[1:] %}{% else %}{% set system = '' %}{% set talk = messages %}{% endif %})"
     R"({% for m in talk %}{% if m.role == 'user' %}{{ '<s>[INST] ' + (system if loop.first else '') + m.content )"
     R"(+ ' [/INST]' }}{% else %}{{ ' ' + m.content | trim + ' </s>' }}{% endif %}{% endfor %})"},
    {"mistral",
     R"({% if messages[0].role == 'system' %}{% set system = messages[0].content + '\n\n' %})"
     R"({% set talk = messages[1:] %}{% else %}{% set system = '' %}{% set talk = messages %}{% endif %}<s>)"
     R"({% for m in talk %}{% if m.role == 'user' %}{{ '[INST] ' + (system if loop.first else '') + m.content )"
     R"(+ ' [/INST]' }}{% else %}{{ ' ' + m.content | trim + '</s>' }}{% endif %}{% endfor %})"},
    // An answer is written after the colon as it was given, so that one of the model's own stays what it wrote.
    {"plain", R"({{ bos_token }}{% for m in messages %}{{ m.role + ':' }})"
              R"({{ m.content if m.role == 'assistant' else ' ' + m.content }}{{ '\n' }}{% endfor %})"
              R"({% if add_generation_prompt %}{{ 'assistant:' }}{% endif %})"},
}};

const BuiltIn* find_built_in(std::string_view name) {
  for (const BuiltIn& built_in : kBuiltIn) {
    if (built_in.name == name) return &built_in;
  }
  return nullptr;
}

OrderedJson special_tokens(const TextSettings& settings) {
  OrderedJson variables = OrderedJson::object();
  for (const auto& [name, token] : settings.other_tokens) variables[name] = token;
  if (!settings.bos_token.empty()) variables["bos_token"] = settings.bos_token;
  if (!settings.eos_token.empty()) variables["eos_token"] = settings.eos_token;
  return variables;
}

void require_none_of_conversation(const OrderedJson& variables) {
  for (const char* name : {"messages", "add_generation_prompt"}) {
    require(!variables.contains(name), "the template's variable {} is the conversation's own", name);
  }
}

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view without_blanks_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::string_view without_blanks_after(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

}  // namespace

ChatTemplate::ChatTemplate(std::string_view source, OrderedJson variables)
    : source_(source), template_(source), variables_(std::move(variables)) {
  require_none_of_conversation(variables_);
  for (const char* name : {"tools", "documents"}) {
    if (!variables_.contains(name)) variables_[name] = nullptr;  // none, but defined
  }
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages, bool continues) const {
  OrderedJson list = OrderedJson::array();
  for (const ChatMessage& message : messages) list.push_back({{"role", message.role}, {"content", message.content}});
  return render(list, OrderedJson::object(), continues);
}

std::string ChatTemplate::render(const OrderedJson& messages, const OrderedJson& further, bool continues) const {
  require_none_of_conversation(further);
  OrderedJson variables = variables_;
  variables.update(further);
  variables["messages"] = messages;
  variables["add_generation_prompt"] = continues;
  return template_.render(variables);
}

AnswerEnd ChatTemplate::answer_end() const {
  constexpr std::string_view kAnswer = "T6sAnswer", kNext = "T6sNext";
  const std::array<ChatMessage, 3> messages = {
      {{"user", "T6sFirst"}, {"assistant", std::string(kAnswer)}, {"user", std::string(kNext)}}};
  try {
    const std::string two = render(std::span(messages).first(2), false), three = render(messages, false);
    const size_t last = two.rfind(kAnswer), answer = three.rfind(kAnswer), next = three.rfind(kNext);
    if (last == std::string::npos || answer == std::string::npos || next == std::string::npos || next < answer) {
      return {};
    }
    const size_t begin = answer + kAnswer.size();
    return {two.substr(last + kAnswer.size()), three.substr(begin, next - begin)};
  } catch (const Error&) {
    return {};
  }
}

// A control token is known by its id: its text is not shown, and may not be what the model's own settings end with.
AnswerStops answer_stops(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
  const AnswerEnd end = chat_template.answer_end();
  std::vector<int32_t> ids;
  tokenizer.encode_further(without_blanks_before(end.next), ids);
  if (!ids.empty() && tokenizer.is_special(ids[0])) return {{ids[0]}, {}};
  const std::string_view last = without_blanks_after(without_blanks_before(end.last));
  if (!last.empty()) return {{}, {std::string(last)}};
  const std::string_view next = without_blanks_after(end.next);
  if (!next.empty()) return {{}, {std::string(next)}};
  return {};
}

const std::vector<std::string>& chat_template_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const BuiltIn& built_in : kBuiltIn) list.emplace_back(built_in.name);
    return list;
  }();
  return names;
}

ChatTemplate built_in_chat_template(std::string_view name, const Tokenizer& tokenizer) {
  const BuiltIn* const found = find_built_in(name);
  require(found != nullptr, "unknown chat template \"{}\"; known are {}", name, fmt::join(chat_template_names(), ", "));
  return ChatTemplate(found->source, {{"bos_token", tokenizer.decode(tokenizer.prefix(), /*skip_special=*/false)}});
}

ChatTemplate chat_template_of(const TextSettings& settings, const Tokenizer& tokenizer, const std::string& chosen,
                              const OrderedJson& arguments) {
  if (chosen.empty() && settings.chat_template.empty()) return built_in_chat_template("plain", tokenizer);
  if (find_built_in(chosen) != nullptr) return built_in_chat_template(chosen, tokenizer);
  require(chosen.empty() || path_exists(chosen), "no chat template \"{}\": no such file, and known are {}", chosen,
          fmt::join(chat_template_names(), ", "));
  OrderedJson variables = special_tokens(settings);
  variables.update(arguments);
  return ChatTemplate(chosen.empty() ? settings.chat_template : read_text(chosen), std::move(variables));
}

}  // namespace t6
