// How a conversation is written for a model: by its own template, to the character as transformers does it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/text/jinja.h"
#include "t6/text/text_settings.h"
#include "t6/text/tokenizer.h"

namespace t6 {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// What a template writes after an answer.
struct AnswerEnd {
  std::string last;  // that ends the conversation
  std::string next;  // up to what the user says next
};

class ChatTemplate {
 public:
  // `variables` are the template's beside the messages: an object. Errors: not a template; a variable named "messages"
  // or "add_generation_prompt".
  explicit ChatTemplate(std::string_view source, OrderedJson variables = OrderedJson::object());

  // The conversation, with the beginning of an answer where it `continues`. Error: what the template raises, or
  // "template line N: ...".
  std::string render(std::span<const ChatMessage> messages, bool continues = true) const;

  // A list of messages with whatever keys the template looks at ("tool_calls", ...), and `further` variables that come
  // before the template's own ("tools", "documents", ...). Errors as above, and those of the constructor.
  std::string render(const OrderedJson& messages, const OrderedJson& further, bool continues) const;

  const std::string& source() const { return source_; }

  // Both empty when the template cannot write a conversation of three messages.
  AnswerEnd answer_end() const;

 private:
  std::string source_;
  JinjaTemplate template_;
  OrderedJson variables_;
};

// What ends an answer that is written by a template, beside the ends of the model's own: a token or a text.
struct AnswerStops {
  std::vector<int32_t> tokens;
  std::vector<std::string> texts;
};
AnswerStops answer_stops(const ChatTemplate& chat_template, const Tokenizer& tokenizer);

// Templates of our own, for models without one: "chatml", "llama3", "llama2", "mistral", "plain".
const std::vector<std::string>& chat_template_names();
// Error: no such name.
ChatTemplate built_in_chat_template(std::string_view name, const Tokenizer& tokenizer);

// The model's own template, with its special tokens by name (bos_token, ...) and `arguments` (enable_thinking, ...) as
// variables; "plain" for a model without one. `chosen` is a built-in template's name or a file with a template that
// comes instead; empty: none. Errors: those of ChatTemplate, neither a name nor a file.
ChatTemplate chat_template_of(const TextSettings& settings, const Tokenizer& tokenizer, const std::string& chosen = {},
                              const OrderedJson& arguments = OrderedJson::object());

}  // namespace t6
