#include "t6/grammar/text/ebnf.h"

#include <algorithm>
#include <array>

#include "t6/core/error.h"
#include "t6/grammar/text/repetition.h"

namespace t6 {
namespace {

// xgrammar's own functions, which are no EBNF and know more than texts.
constexpr std::array<std::string_view, 6> kFunctions = {"TagDispatch",      "Token", "ExcludeToken",
                                                        "TokenTagDispatch", "Regex", "Substring"};

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

class EbnfReader {
 public:
  EbnfReader(std::string_view text, const GrammarLimits& limits) : text_(text), limits_(limits), repetitions_(limits) {}

  void read() {
    while (at_ < text_.size()) step();
    require(repetitions_.depth() == 0, "a '(' is not closed");
    require(repetitions_.cost() <= limits_.cost, "what it repeats takes too long to compile: {} of {}",
            repetitions_.cost(), limits_.cost);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '"' || c == '[') return quoted(c == '"' ? '"' : ']');
    if (c == '#') return comment();
    if (is_name(c)) return name();
    if (c == '(') repetitions_.open();
    if (c == ')') repetitions_.close();
    if (c == '{') {
      repetitions_.repeat(repetition_count(text_, at_));
      at_ = std::min(text_.find('}', at_), text_.size() - 1);
    }
    if (text_.substr(at_, 3) == "::=") rule();
    ++at_;
  }

  // A literal or a class; a backslash keeps what follows from ending it.
  void quoted(char end) {
    const size_t begin = at_;
    for (++at_; at_ < text_.size() && text_[at_] != end; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    require(at_ < text_.size(), "a literal or a class is not closed: '{}' is missing", end);
    ++at_;
    repetitions_.atom(end == ']' ? class_cost(text_.substr(begin, at_ - begin)) : kNarrowCost);
  }

  void comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  void name() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    require(std::ranges::find(kFunctions, text_.substr(begin, at_ - begin)) == kFunctions.end(),
            "'{}' is not supported", text_.substr(begin, at_ - begin));
    repetitions_.atom(kNarrowCost);
  }

  void rule() { require(++rules_ <= limits_.schemas, "it has more than {} rules", limits_.schemas); }

  std::string_view text_;
  const GrammarLimits& limits_;
  Repetitions repetitions_;
  size_t at_ = 0;
  int64_t rules_ = 0;
};

}  // namespace

void check_ebnf(std::string_view rules, const GrammarLimits& limits) { EbnfReader(rules, limits).read(); }

}  // namespace t6
