#include "t6/text/jinja/lexer.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "t6/core/error.h"
#include "t6/text/jinja/string_literal.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// The longest first.
constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                           "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

std::string with_plain_newlines(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    const bool carriage_return = source[i] == '\r';
    text += carriage_return ? '\n' : source[i];
    if (carriage_return && i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(with_plain_newlines(valid_utf8(source))) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) root();
    add(Token::Type::end, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }

  void add(Token::Type type, std::string_view text) { tokens_.push_back({type, std::string(text), {}, line_}); }

  void advance(size_t bytes) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                         source_.begin() + static_cast<ptrdiff_t>(at_ + bytes), '\n'));
    at_ += bytes;
  }

  // The byte after the white space that begins at `from`.
  size_t after_space(size_t from) const {
    while (from < source_.size()) {
      size_t next = from;
      if (!is_space(next_code_point(source_, &next))) break;
      from = next;
    }
    return from;
  }

  // Data up to the next tag, and the tag.
  void root() {
    size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos) return last_data();
      const char kind = tag + 1 < source_.size() ? source_[tag + 1] : '\0';
      if (kind == '%' || kind == '{' || kind == '#') break;
      ++tag;
    }
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    data_before(tag, kind != '{', sign);
    const size_t begin = at_ + (sign == '-' || sign == '+' ? 3 : 2);
    if (kind == '#') return comment(begin);
    if (kind == '%' && raw(begin)) return;
    add(kind == '%' ? Token::Type::block_begin : Token::Type::variable_begin, "");
    advance(begin - at_);
    inside(kind == '%');
  }

  void last_data() {
    if (!rest().empty()) add(Token::Type::data, rest());
    advance(rest().size());
  }

  // Adds source_[at_, tag), less the white space that the tag takes away, and moves to the tag.
  void data_before(size_t tag, bool may_strip_line, char sign) {
    std::string_view data = rest().substr(0, tag - at_);
    if (sign == '-') {
      data = strip_end(data);
    } else if (sign != '+' && may_strip_line) {
      const size_t line = data.rfind('\n') + 1;  // 0 when there is none
      if ((line > 0 || line_starting_) && strip_end(data.substr(line)).empty()) data = data.substr(0, line);
    }
    if (!data.empty()) add(Token::Type::data, data);
    advance(tag - at_);
  }

  static std::string_view strip_end(std::string_view text) {
    while (!text.empty()) {
      size_t last = text.size() - 1;
      while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
      size_t at = last;
      if (!is_space(next_code_point(text, &at))) break;
      text = text.substr(0, last);
    }
    return text;
  }

  // The byte after the end of a tag whose end may stand at `from`; npos when it does not. An end takes the next
  // newline, -end all the white space, +end nothing.
  size_t after_end(size_t from, std::string_view end, bool takes_newline, bool plus) const {
    const std::string_view there = std::string_view(source_).substr(std::min(from, source_.size()));
    if (there.starts_with('-') && there.substr(1).starts_with(end)) return after_space(from + 1 + end.size());
    if (plus && there.starts_with('+') && there.substr(1).starts_with(end)) return from + 1 + end.size();
    if (!there.starts_with(end)) return std::string::npos;
    const size_t after = from + end.size();
    return takes_newline && after < source_.size() && source_[after] == '\n' ? after + 1 : after;
  }

  void finish_tag(size_t after) {
    line_starting_ = source_[after - 1] == '\n';
    advance(after - at_);
  }

  void comment(size_t begin) {
    size_t end = source_.find("#}", begin);
    if (end == std::string::npos) fail_at(line_, "a comment without an end");
    if (end > begin && (source_[end - 1] == '-' || source_[end - 1] == '+')) --end;
    finish_tag(after_end(end, "#}", true, true));
  }

  // {% raw %}...{% endraw %} is data. False: another tag begins here.
  bool raw(size_t begin) {
    const size_t word = after_space(begin);
    if (!std::string_view(source_).substr(word).starts_with("raw")) return false;
    const size_t content = after_end(after_space(word + 3), "%}", false, false);
    if (content == std::string::npos) return false;
    const int line = line_;
    finish_tag(content);
    for (size_t tag = source_.find("{%", content); tag != std::string::npos; tag = source_.find("{%", tag + 1)) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      const size_t name = after_space(tag + (sign == '-' || sign == '+' ? 3 : 2));
      if (!std::string_view(source_).substr(name).starts_with("endraw")) continue;
      const size_t after = after_end(after_space(name + 6), "%}", true, true);
      if (after == std::string::npos) continue;
      data_before(tag, true, sign);
      finish_tag(after);
      return true;
    }
    fail_at(line, "a raw block without an end");
  }

  // The tokens of a tag, and its end.
  void inside(bool block) {
    std::string open;
    while (true) {
      if (open.empty()) {
        const size_t after = after_end(at_, block ? "%}" : "}}", block, block);
        if (after != std::string::npos) {
          add(block ? Token::Type::block_end : Token::Type::variable_end, "");
          return finish_tag(after);
        }
      }
      advance(after_space(at_) - at_);
      if (at_ >= source_.size()) fail_at(line_, "the template ends inside a tag");
      if (open.empty() && after_end(at_, block ? "%}" : "}}", block, block) != std::string::npos) continue;
      token(&open);
    }
  }

  void token(std::string* open) {
    const char first = source_[at_];
    if (is_ascii_digit(first)) return number();
    if (first == '"' || first == '\'') return string();
    if (const size_t size = name_size(); size > 0) {
      add(Token::Type::name, rest().substr(0, size));
      return advance(size);
    }
    const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                     [&](std::string_view op) { return rest().starts_with(op); });
    if (found == std::end(kOperators)) fail_at(line_, fmt::format("unexpected character {:?}", std::string(1, first)));
    balance(*found, open);
    add(Token::Type::op, *found);
    advance(found->size());
  }

  void balance(std::string_view op, std::string* open) const {
    if (op == "{" || op == "(" || op == "[") {
      open->push_back(op == "{" ? '}' : op == "(" ? ')' : ']');
    } else if (op == "}" || op == ")" || op == "]") {
      if (open->empty() || open->back() != op[0]) fail_at(line_, fmt::format("unexpected '{}'", op));
      open->pop_back();
    }
  }

  size_t name_size() const {
    size_t at = at_;
    while (at < source_.size()) {
      size_t next = at;
      const char32_t point = next_code_point(source_, &next);
      if (point != '_' && !is_alphabetic(point) && (at == at_ || !is_numeric(point))) break;
      at = next;
    }
    return at - at_;
  }

  void string() {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != source_[at_]) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail_at(line_, "a string without an end");
    try {
      add(Token::Type::text, unescape(std::string_view(source_).substr(at_ + 1, end - at_ - 1)));
    } catch (const Error& error) {
      fail_at(line_, error.what());
    }
    advance(end + 1 - at_);
  }

  void number() {
    const NumberLiteral literal = number_literal(rest(), at_ > 0 && source_[at_ - 1] == '.');
    if (literal.value.missing()) fail_at(line_, "an integer that does not fit in 64 bits");
    tokens_.push_back({Token::Type::number, "", literal.value, line_});
    advance(literal.size);
  }

  const std::string source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

void fail_at(int line, const std::string& message) { fail("template line {}: {}", line, message); }

}  // namespace t6::jinja
