#include "t6/text/tokenizer/pattern_syntax.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "t6/core/error.h"
#include "t6/text/tokenizer/unicode_additions.h"

namespace t6 {
namespace {

// What may follow "(?"; the others are flags with another meaning in Ruby, or PCRE2's own.
constexpr std::string_view kGroups[] = {"?:", "?=", "?!", "?<=", "?<!", "?>", "?i:"};
// Escapes that mean the same in both.
constexpr std::string_view kSameEscapes = "nrtfeaAzZ";
// Letters that Oniguruma, where case does not matter, also finds in one character (in a sharp s or a ligature).
constexpr std::string_view kFoldedPairs[] = {"ss", "st", "ff", "fi", "fl"};

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& source) : pattern_(pattern), source_(source) {}

  std::string run() {
    // A leading (?i) covers everything in both; elsewhere its reach differs.
    if (pattern_.starts_with("(?i)")) {
      any_case_ = true;
      copy(4);
    }
    while (!done()) {
      if (any_case_) check_pair();
      if (peek() == '\\') {
        escape(false);
      } else if (peek() == '[') {
        character_class();
      } else if (peek() == '(') {
        group();
      } else if (peek() == '{') {
        interval();
      } else {
        copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  bool done() const { return position_ == pattern_.size(); }
  std::string_view rest() const { return pattern_.substr(position_); }
  char peek() const { return pattern_[position_]; }
  void copy(size_t count) {
    out_ += pattern_.substr(position_, count);
    position_ += count;
  }
  [[noreturn]] void refuse(std::string_view what) const {
    fail("{}: in the pattern {:?} at byte {}: {} is not supported", source_, std::string(pattern_), position_, what);
  }

  void check_pair() const {
    std::string pair(rest().substr(0, 2));
    for (char& c : pair) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (std::find(std::begin(kFoldedPairs), std::end(kFoldedPairs), pair) != std::end(kFoldedPairs)) {
      refuse(fmt::format("\"{}\" where case does not matter", pair));
    }
  }

  void escape(bool in_class) {
    if (position_ + 1 == pattern_.size()) refuse("a lone \\ at the end");
    const char letter = pattern_[position_ + 1];
    if (letter == 'p' || letter == 'P') return property(in_class, letter == 'P');
    if (letter == 's' || letter == 'S') {
      // PCRE2's \s would add U+180E, which Unicode took out of White_Space in version 6.3.
      out_ += letter == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
    } else if (letter == 'd' || letter == 'D') {
      category("Nd", in_class, letter == 'D');
    } else if (letter == 'x') {
      return code_point();
    } else if (std::isalnum(static_cast<unsigned char>(letter)) != 0 &&
               kSameEscapes.find(letter) == kSameEscapes.npos) {
      refuse(fmt::format("\\{}", letter));
    } else {
      return copy(2);
    }
    position_ += 2;
  }

  // \x{20AC}; bare \xE2 would be a byte in Oniguruma and a code point in PCRE2.
  void code_point() {
    const size_t end = rest().find('}');
    if (!rest().starts_with("\\x{") || end == std::string_view::npos) refuse("\\x without braces");
    copy(end + 1);
  }

  void property(bool in_class, bool negated) {
    const size_t end = rest().find('}');
    if (rest().substr(2, 1) != "{" || end == std::string_view::npos) refuse("\\p without braces");
    std::string_view name = rest().substr(3, end - 3);
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    if (name.empty() || name.size() > 2 || std::isalpha(static_cast<unsigned char>(name[0])) == 0) {
      refuse(fmt::format("the property {:?} (general categories such as L or Nd are)", std::string(name)));
    }
    category(name, in_class, negated);
    position_ += end + 1;
  }

  void category(std::string_view name, bool in_class, bool negated) {
    // Inside a class a negated category cannot lose characters, so it keeps PCRE2's own table.
    const std::string additions = in_class && negated ? std::string() : unicode_additions(name);
    const std::string own = fmt::format("\\{}{{{}}}", negated && additions.empty() ? 'P' : 'p', name);
    if (in_class || additions.empty()) {
      out_ += own + additions;
    } else {
      out_ += (negated ? "[^" : "[") + own + additions + "]";
    }
  }

  void character_class() {
    copy(1);
    if (!done() && peek() == '^') copy(1);
    if (!done() && peek() == ']') refuse("] at the start of a class");
    while (!done() && peek() != ']') {
      if (peek() == '[') refuse("a class inside a class");
      if (rest().starts_with("&&")) refuse("&& inside a class");
      if (peek() == '\\') {
        escape(true);
      } else {
        copy(1);
      }
    }
    if (done()) refuse("a class without an end");
    copy(1);
  }

  void group() {
    const std::string_view after = rest().substr(1);
    const auto same = [&](std::string_view opening) { return after.starts_with(opening); };
    if (after.starts_with('*') ||
        (after.starts_with('?') && std::none_of(std::begin(kGroups), std::end(kGroups), same))) {
      refuse(fmt::format("the group \"({}\"", std::string(after.substr(0, 2))));
    }
    // The end of (?i: is not looked for: a pattern refused without need is better than one read wrongly.
    any_case_ = any_case_ || same("?i:");
    copy(1);
    if (after.starts_with('?')) copy(1);
  }

  // {2,3}: the same in both, but in Ruby a + after it repeats it (PCRE2: possessive), and a ? after {2} makes it
  // optional.
  void interval() {
    const size_t end = rest().find('}');
    const std::string_view inner = rest().substr(1, end == std::string_view::npos ? end : end - 1);
    const size_t digits = std::min(inner.find_first_not_of("0123456789"), inner.size());
    if (digits == 0 || end == std::string_view::npos) refuse("{ that is not a count such as {2,3}");
    copy(end + 1);
    if (!done() && (peek() == '+' || (peek() == '?' && digits == inner.size()))) refuse("a quantifier after a count");
  }

  std::string_view pattern_;
  const std::string& source_;
  size_t position_ = 0;
  bool any_case_ = false;
  std::string out_;
};

}  // namespace

std::string pcre_from_oniguruma(std::string_view pattern, const std::string& source) {
  return Translator(pattern, source).run();
}

}  // namespace t6
