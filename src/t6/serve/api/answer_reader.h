// Takes an answer apart as it comes: what the model thinks, what it says, and the tools that it calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t6 {

// How a model writes that it calls tools.
enum class CallFormat {
  none,     // it has no tools, and whatever it writes is text
  hermes,   // <tool_call>{"name": "f", "arguments": {}}</tool_call> after text, any number of times
  llama,    // {"name": "f", "parameters": {}} and nothing else; several with ';' between them
  mistral,  // [TOOL_CALLS][{"name": "f", "arguments": {}}, ...] and nothing else; the marker may be missing
};

struct AnswerForm {
  bool may_think = false;  // an answer that begins with "<think>" is reasoning up to "</think>"
  bool thinking = false;   // the prompt ends in "<think>" already
  CallFormat calls = CallFormat::none;
};

struct AnswerPart {
  enum class Kind { reasoning, text, call };

  Kind kind = Kind::text;
  std::string text;       // of a call its arguments as JSON
  std::string name = {};  // of a call

  friend bool operator==(const AnswerPart&, const AnswerPart&) = default;
};

// Holds back what may be the beginning of a tag, and blanks that may come before one. However a text is cut into
// pieces, the parts put together are the same. Calls are parts of their own, whole; what looks like one but cannot be
// read stays text.
class AnswerReader {
 public:
  explicit AnswerReader(const AnswerForm& form);

  std::vector<AnswerPart> push(std::string_view piece);
  std::vector<AnswerPart> finish();
  bool called() const { return called_; }  // a tool so far
  bool reasons() const { return state_ == State::opening || state_ == State::reasoning; }

 private:
  enum class State { beginning, opening, reasoning, closing, answering, text, call, whole };

  std::vector<AnswerPart> read(bool last);
  bool advance(bool last);
  bool begin(bool last);
  bool pass_blanks(State next);
  bool reason(bool last);
  bool begin_answer(bool last);
  bool say(bool last);
  bool read_call(bool last);
  bool read_whole(bool last);
  void add(AnswerPart::Kind kind, std::string_view text);
  bool add_calls(std::string_view json);

  const AnswerForm form_;
  State state_;
  std::string held_;
  std::vector<AnswerPart> parts_;
  size_t scanned_ = 0;  // of the JSON of a call
  bool in_string_ = false, escaped_ = false, called_ = false;
};

}  // namespace t6
