#include "t6/serve/api/answer_reader.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "t6/core/error.h"
#include "t6/serve/api/json_text.h"

namespace t6 {
namespace {

constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>", kMistralCalls = "[TOOL_CALLS]";
constexpr std::string_view kBlanks = " \t\r\n";

size_t blanks_before(std::string_view text) { return std::min(text.find_first_not_of(kBlanks), text.size()); }

std::string_view without_blanks_after(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view trimmed(std::string_view text) { return without_blanks_after(text.substr(blanks_before(text))); }

// Whether `text` is the beginning of `tag` and may become all of it.
bool may_become(std::string_view text, std::string_view tag) {
  return text.size() < tag.size() && tag.starts_with(text);
}

// `text` without what may be the beginning of a tag.
std::string_view before_beginning(std::string_view text, std::string_view tag) {
  for (size_t size = std::min(tag.size() - 1, text.size()); size > 0; --size) {
    if (text.ends_with(tag.substr(0, size))) return text.substr(0, text.size() - size);
  }
  return text;
}

// {"name": ..., "arguments" or "parameters": ...}
std::optional<AnswerPart> call_of(const OrderedJson& json) {
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) return std::nullopt;
  AnswerPart call = {AnswerPart::Kind::call, "{}", json["name"].get<std::string>()};
  for (const char* key : {"arguments", "parameters"}) {
    const auto found = json.find(key);
    if (found == json.end()) continue;
    call.text = found->is_string() ? found->get<std::string>() : json_text(*found);
    return call;
  }
  return json.size() == 1 ? std::optional(call) : std::nullopt;
}

// The object or list that `text` begins with, which is cut off; empty: none.
std::string_view take_json(std::string_view& text) {
  bool in_string = false, escaped = false;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      in_string = escaped || c != '"';
      escaped = !escaped && c == '\\';
      continue;
    }
    in_string = c == '"';
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) {
      const std::string_view taken = text.substr(0, i + 1);
      text.remove_prefix(i + 1);
      return taken;
    }
  }
  return {};
}

// Objects one after the other, with ';' or nothing between them, or one list of objects. Empty: it is neither.
std::vector<AnswerPart> calls_of(std::string_view text) {
  std::vector<AnswerPart> calls;
  text = trimmed(text);
  while (!text.empty()) {
    const std::string_view json = take_json(text);
    if (json.empty()) return {};
    OrderedJson value;
    try {
      value = parse_ordered(json, "a call");
    } catch (const Error&) {
      return {};
    }
    if (!value.is_array()) value = OrderedJson::array({std::move(value)});
    for (const OrderedJson& item : value) {
      auto call = call_of(item);
      if (!call) return {};
      calls.push_back(std::move(*call));
    }
    text = trimmed(text);
    if (text.starts_with(';')) text = trimmed(text.substr(1));
  }
  return calls;
}

}  // namespace

AnswerReader::AnswerReader(const AnswerForm& form)
    : form_(form),
      state_(form.thinking    ? State::opening
             : form.may_think ? State::beginning
                              : State::answering) {}

std::vector<AnswerPart> AnswerReader::push(std::string_view piece) {
  held_ += piece;
  return read(false);
}

std::vector<AnswerPart> AnswerReader::finish() { return read(true); }

std::vector<AnswerPart> AnswerReader::read(bool last) {
  while (!held_.empty() && advance(last)) {
  }
  return std::exchange(parts_, {});
}

// One state further, or false: what is held is not enough.
bool AnswerReader::advance(bool last) {
  switch (state_) {
    case State::beginning:
      return begin(last);
    case State::opening:
      return pass_blanks(State::reasoning);
    case State::reasoning:
      return reason(last);
    case State::closing:
      return pass_blanks(State::answering);
    case State::answering:
      return begin_answer(last);
    case State::text:
      return say(last);
    case State::call:
      return read_call(last);
    case State::whole:
      return read_whole(last);
  }
  return false;
}

bool AnswerReader::begin(bool last) {
  const size_t blanks = blanks_before(held_);
  const std::string_view text = std::string_view(held_).substr(blanks);
  if (text.starts_with(kThink)) {
    held_.erase(0, blanks + kThink.size());
    state_ = State::opening;
    return true;
  }
  if (!last && may_become(text, kThink)) return false;
  state_ = State::answering;
  return true;
}

bool AnswerReader::pass_blanks(State next) {
  held_.erase(0, blanks_before(held_));
  if (held_.empty()) return false;
  state_ = next;
  return true;
}

bool AnswerReader::reason(bool last) {
  const size_t end = held_.find(kThinkEnd);
  if (end == std::string::npos) {
    const std::string_view sure = without_blanks_after(last ? held_ : before_beginning(held_, kThinkEnd));
    const size_t size = sure.size();
    add(AnswerPart::Kind::reasoning, sure);
    held_.erase(0, last ? held_.size() : size);
    return false;
  }
  add(AnswerPart::Kind::reasoning, without_blanks_after(std::string_view(held_).substr(0, end)));
  held_.erase(0, end + kThinkEnd.size());
  state_ = State::closing;
  return true;
}

bool AnswerReader::begin_answer(bool last) {
  const size_t blanks = blanks_before(held_);
  const std::string_view text = std::string_view(held_).substr(blanks);
  const bool whole_calls = form_.calls == CallFormat::llama || form_.calls == CallFormat::mistral;
  if (whole_calls && !last) {
    const bool mistral = form_.calls == CallFormat::mistral;
    if (text.empty() || (mistral && (may_become(text, kMistralCalls) || text == "["))) return false;
  }
  const bool whole = form_.calls == CallFormat::llama     ? text.starts_with('{')
                     : form_.calls == CallFormat::mistral ? text.starts_with(kMistralCalls) || text.starts_with("[{")
                                                          : false;
  state_ = whole ? State::whole : State::text;
  return true;
}

bool AnswerReader::say(bool last) {
  if (form_.calls != CallFormat::hermes) {
    add(AnswerPart::Kind::text, held_);
    held_.clear();
    return false;
  }
  const size_t begin = held_.find(kCall);
  if (begin == std::string::npos) {
    const std::string_view sure = last ? held_ : before_beginning(held_, kCall);
    const std::string_view text = last && !called_ ? sure : without_blanks_after(sure);
    const size_t size = text.size();
    add(AnswerPart::Kind::text, text);
    held_.erase(0, last ? held_.size() : size);
    return false;
  }
  add(AnswerPart::Kind::text, without_blanks_after(std::string_view(held_).substr(0, begin)));
  held_.erase(0, begin);
  state_ = State::call;
  scanned_ = kCall.size();
  in_string_ = escaped_ = false;
  return true;
}

// From "<tool_call>" to the end that is not within a string of the JSON.
bool AnswerReader::read_call(bool last) {
  for (; scanned_ < held_.size(); ++scanned_) {
    const char c = held_[scanned_];
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
      continue;
    }
    in_string_ = c == '"';
    if (c != '<') continue;
    const std::string_view rest = std::string_view(held_).substr(scanned_);
    if (!last && may_become(rest, kCallEnd)) return false;
    if (rest.starts_with(kCallEnd)) break;
  }
  const bool ended = scanned_ < held_.size();
  if (!ended && !last) return false;
  const std::string_view json = std::string_view(held_).substr(kCall.size(), scanned_ - kCall.size());
  const size_t end = scanned_ + (ended ? kCallEnd.size() : 0);
  const bool read = add_calls(json);
  if (!read) add(AnswerPart::Kind::text, std::string_view(held_).substr(0, end));
  held_.erase(0, end);
  state_ = State::text;
  return true;
}

bool AnswerReader::read_whole(bool last) {
  if (!last) return false;
  std::string_view text = trimmed(held_);
  if (text.starts_with(kMistralCalls)) text.remove_prefix(kMistralCalls.size());
  if (!add_calls(text)) add(AnswerPart::Kind::text, held_);
  held_.clear();
  return false;
}

void AnswerReader::add(AnswerPart::Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (!parts_.empty() && parts_.back().kind == kind) {
    parts_.back().text += text;
  } else {
    parts_.push_back({kind, std::string(text)});
  }
}

bool AnswerReader::add_calls(std::string_view json) {
  std::vector<AnswerPart> calls = calls_of(json);
  if (calls.empty()) return false;
  std::ranges::move(calls, std::back_inserter(parts_));
  called_ = true;
  return true;
}

}  // namespace t6
