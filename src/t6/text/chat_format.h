// How a conversation is written for a model: what stands around the messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t6 {

// Pieces of text; "{role}" in them is the role of the message. A model answers after answer_begin().
struct ChatFormat {
  std::string name = {};
  std::string begin = {};          // of the conversation
  std::string message_begin = {};  // before a system's or user's message
  std::string message_end = {};    // after it
  std::string answer_begin = {};   // before the model's message
  std::string answer_end = {};     // after it
  std::string stop = {};           // what ends an answer, a token of the vocabulary or, in plain formats, text
  // The system's message stands before the first user's, in the same message, and between these.
  bool system_inside_user = false;
  std::string system_begin = {}, system_end = {};
  std::string default_system = {};  // the system's message of a conversation without one; empty: none

  // The beginning of a conversation, with the system's message where it is one of its own.
  std::string opening(std::string_view system) const;
  // A user's message up to where the model's answer begins.
  std::string question(std::string_view user, std::string_view system, bool first) const;
};

// "chatml", "llama3", "llama2", "mistral", "plain". Error: another name.
ChatFormat chat_format(std::string_view name);
std::vector<std::string> chat_format_names();

// The format that a model's Jinja template writes, told by its special tokens, with the system's message that it puts
// in by itself; "plain" for a model without a template. Error: the template is none of those known.
ChatFormat detect_chat_format(std::string_view jinja_template);

}  // namespace t6
