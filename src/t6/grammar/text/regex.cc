#include "t6/grammar/text/regex.h"

#include <xgrammar/xgrammar.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "t6/core/error.h"
#include "t6/grammar/text/repetition.h"

namespace t6 {
namespace {

// Escapes of one character or a class that xgrammar reads as ECMAScript does; of others, punctuation stands for itself.
constexpr std::string_view kEscapes = "dDwWsSnrtfvxu";
// xgrammar's \S holds some of Unicode's blanks.
constexpr std::string_view kNoBlank = R"([^\f\n\r\t\v \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff])";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

class RegexReader {
 public:
  RegexReader(std::string_view text, RegexPlace place, const GrammarLimits& limits)
      : text_(text), place_(place), repetitions_(limits) {}

  EnforcedRegex read() {
    while (at_ < text_.size()) step();
    require(repetitions_.depth() == 0, "a '(' is not closed");
    return {out_, repetitions_.cost()};
  }

 private:
  char next(size_t ahead = 1) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void take(size_t count) {
    out_ += text_.substr(at_, count);
    at_ += count;
  }

  void step() {
    switch (text_[at_]) {
      case '\\':
        return escape();
      case '[':
        return character_class();
      case '(':
        return group();
      case ')':
        repetitions_.close();
        return take(1);
      case '^':
      case '$':
        return anchor();
      case '.':
        repetitions_.atom(kWideCost);
        out_ += R"([^\n\r])";
        ++at_;
        return;
      case '*':
      case '+':
      case '?':
      case '{':
        return quantifier();
      default:
        if (text_[at_] != '|') repetitions_.atom(kNarrowCost);
        return take(1);
    }
  }

  // A whole text begins and ends with each alternative anyway.
  void anchor() {
    const bool begins = text_[at_] == '^' && (at_ == 0 || text_[at_ - 1] == '|');
    const bool ends = text_[at_] == '$' && (next() == '\0' || next() == '|');
    require(repetitions_.depth() == 0 && (begins || ends), "an anchor '{}' in the middle is not supported", text_[at_]);
    ++at_;
  }

  void check_escape() const {
    const char escaped = next();
    require(escaped != '\0', "it ends with a backslash");
    require(!is_letter_or_digit(escaped) || kEscapes.find(escaped) != std::string_view::npos,
            "the escape '\\{}' is not supported", escaped);
    require(static_cast<unsigned char>(escaped) < 0x80, "an escape stands before a character that needs none");
  }

  void escape() {
    check_escape();
    repetitions_.atom(class_cost(text_.substr(at_, 2)));
    if (next() != 'S') return take(2);
    out_ += kNoBlank;
    at_ += 2;
  }

  void character_class() {
    const size_t begin = at_;
    take(next() == '^' ? 2 : 1);
    for (;;) {
      require(at_ < text_.size(), "a '[' is not closed");
      const char c = text_[at_];
      require(c != '[' || next() != ':', "a class '[:...:]' is not supported");
      if (c == '\\') check_escape();
      take(c == '\\' ? 2 : 1);
      if (c == ']') break;
    }
    repetitions_.atom(class_cost(text_.substr(begin, at_ - begin)));
  }

  void group() {
    repetitions_.open();
    if (next() != '?') return take(1);
    const char kind = next(2), behind = next(3);
    require(kind != '=' && kind != '!', "a lookahead '(?{}' is not supported", kind);
    require(kind != '<' || (behind != '=' && behind != '!'), "a lookbehind '(?<{}' is not supported", behind);
    require(kind == ':' || kind == '<', "a group '(?{}' is not supported", kind);
    take(3);
    if (kind == ':') return;
    // A name means nothing here.
    const size_t end = text_.find('>', at_);
    require(end != std::string_view::npos && end > at_, "a group's name is not closed");
    at_ = end + 1;
    out_.back() = ':';
  }

  void quantifier() {
    if (text_[at_] == '{') {
      const int64_t count = repetition_count(text_, at_);
      require(count > 0 || text_.substr(at_, 3) == "{0}" || text_.substr(at_, 5) == "{0,0}" ||
                  text_.substr(at_, 4) == "{0,}",
              "a '{{' begins no repetition; write \\{{ for the character");
      // Beyond, xgrammar forgets what JSON escapes.
      require(place_ == RegexPlace::text || count <= kMostCopies,
              "more than {} repetitions are not supported within a JSON string", kMostCopies);
      repetitions_.repeat(count);
      take(text_.find('}', at_) + 1 - at_);
    } else {
      take(1);
    }
    require(next(0) != '+', "a possessive quantifier is not supported");
    if (next(0) == '?') ++at_;  // lazy: the same texts
  }

  std::string_view text_;
  RegexPlace place_;
  Repetitions repetitions_;
  size_t at_ = 0;
  std::string out_;
};

// xgrammar leaves out what a JSON string must escape where it reads the expression as an automaton; where it does not,
// it would write quotes as they are.
void require_escapes_left_out(const std::string& expression) {
  const nlohmann::json schema = {{"type", "string"}, {"pattern", expression}};
  const std::string rules = xgrammar::Grammar::FromJSONSchema(schema.dump()).ToString();
  require(rules.find("json_string=true") != std::string::npos, "it cannot be enforced within a JSON string");
}

}  // namespace

EnforcedRegex enforceable_regex(std::string_view expression, RegexPlace place, const GrammarLimits& limits) {
  const EnforcedRegex whole = RegexReader(expression, place, limits).read();
  require(whole.cost <= limits.cost, "what it repeats takes too long to compile: {} of {}", whole.cost, limits.cost);
  if (place == RegexPlace::json_string) {
    const auto printable = [](char c) { return c >= 0x20 && c <= 0x7e; };
    require(std::ranges::all_of(whole.text, printable),
            "characters beyond printable ASCII are not supported; write \\uXXXX");
    require_escapes_left_out(whole.text);
  }
  return whole;
}

}  // namespace t6
