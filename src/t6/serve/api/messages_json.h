// The messages of a conversation as requests give them, and the tokens that the model's template makes of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/serve/api/body.h"
#include "t6/serve/api/json_text.h"
#include "t6/serve/api/service.h"

namespace t6 {

struct ChatPrompt {
  OrderedJson messages = OrderedJson::array();    // as the template reads them: contents are texts
  OrderedJson variables = OrderedJson::object();  // of the template: "tools", "documents", and the request's own
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the last message is the beginning of the answer
};

// OpenAI's list of messages. Errors (ApiError 400): no messages, a role, a part or a key that is not known.
OrderedJson read_messages(const OrderedJson& list);

// "messages" and what else says how they are written: chat_template_kwargs, documents, continue_final_message, ...
ChatPrompt read_chat_prompt(Body& body);

// "chat_template_kwargs" and "documents", of any endpoint of conversations.
void read_template_variables(Body& body, ChatPrompt& prompt);

// A content that is a text or a list of parts, whose texts follow each other on lines of their own. Error: a part that
// is not text (an image, say). `where` names it in errors.
std::string content_text(const OrderedJson& content, const std::string& where);

struct RenderedPrompt {
  std::string text;  // without marks
  std::vector<int32_t> ids;
};

// Names of control tokens in messages stay text, but for those of an assistant. Error: the template's, as ApiError 400.
RenderedPrompt render_prompt(const ChatPrompt& prompt, const Service& service);

}  // namespace t6
