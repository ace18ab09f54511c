#include "t6/text/jinja/percent_format.h"

#include <algorithm>
#include <cmath>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/escape.h"
#include "t6/text/jinja/number_text.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

struct Conversion {
  bool left = false, sign = false, space = false, zero = false, alternate = false;
  int64_t width = 0;
  int64_t precision = -1;
};

class PercentFormatter {
 public:
  PercentFormatter(const Text& format, const Value& values, Runtime* runtime)
      : format_(format.bytes), markup_(format.markup), values_(values), runtime_(*runtime) {}

  Value run() {
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        out_ += format_[at_++];
        continue;
      }
      ++at_;
      conversion();
      runtime_.check_text(out_.size());
    }
    const bool all_used = named_ || next_ == count() || values_.dict() != nullptr || is_mapping_like();
    require(all_used, "not all arguments converted during string formatting");
    return runtime_.text(std::move(out_), markup_);
  }

 private:
  bool is_tuple() const { return values_.list() != nullptr && values_.list()->tuple(); }
  size_t count() const { return is_tuple() ? values_.list()->items.size() : 1; }
  // Python forgives an unused value that has items, unless it is a string.
  bool is_mapping_like() const {
    return (values_.list() != nullptr && !is_tuple()) || values_.shared<Range>() != nullptr || values_.undefined();
  }

  char take() {
    require(at_ < format_.size(), "incomplete format");
    return format_[at_++];
  }

  Value next_value() {
    require(next_ < count(), "not enough arguments for format string");
    ++next_;
    return is_tuple() ? values_.list()->items[next_ - 1] : values_;
  }

  Value named_value() {
    const size_t begin = at_;
    for (int depth = 1; depth > 0;) {
      const char c = take();
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    }
    require(values_.dict() != nullptr, "format requires a mapping");
    named_ = true;
    const std::string name = format_.substr(begin, at_ - begin - 1);
    const Value* value = values_.dict()->find(std::string_view(name));
    require(value != nullptr, "no key {}", repr(name));
    return *value;
  }

  int64_t number(bool* from_values) {
    *from_values = at_ < format_.size() && format_[at_] == '*';
    int64_t number = 0;
    if (*from_values) {
      ++at_;
      const Value value = next_value();
      require(to_integer(value, &number), "* wants int");
      require(std::abs(number) <= INT32_MAX, "a width that is too large");
      return number;
    }
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9') {
      number = number * 10 + (format_[at_++] - '0');
      require(number <= INT32_MAX, "a width that is too large");
    }
    return number;
  }

  void conversion() {
    Value named;
    if (at_ < format_.size() && format_[at_] == '(') {
      ++at_;
      named = named_value();
    }
    Conversion style;
    flags(&style);
    bool starred = false;
    style.width = number(&starred);
    if (style.width < 0) style.left = true;
    style.width = std::abs(style.width);
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      style.precision = std::max<int64_t>(number(&starred), 0);
    }
    char type = take();
    if (type == 'h' || type == 'l' || type == 'L') type = take();
    if (type == '%') {
      out_ += '%';
      return;
    }
    runtime_.check_text(static_cast<size_t>(std::max(style.width, style.precision)));
    convert(type, style, named.missing() ? next_value() : named);
  }

  void flags(Conversion* style) {
    for (; at_ < format_.size(); ++at_) {
      switch (format_[at_]) {
        case '-':
          style->left = true;
          break;
        case '+':
          style->sign = true;
          break;
        case ' ':
          style->space = true;
          break;
        case '0':
          style->zero = true;
          break;
        case '#':
          style->alternate = true;
          break;
        default:
          return;
      }
    }
  }

  std::string escaped(const std::string& text) const { return markup_ ? escape_html(text) : text; }

  void convert(char type, const Conversion& style, const Value& value) {
    switch (type) {
      case 's':
        return pad(cut(markup_ && value.text() != nullptr ? escape_unless_markup(*value.text())
                                                          : escaped(str(value, &runtime_)),
                       style),
                   style);
      case 'r':
      case 'a':
        return pad(cut(escaped(repr(value, &runtime_)), style), style);
      case 'c':
        return pad(character(value), style);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return integer(type, style, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(type, style, value);
      default:
        fail("unsupported format character '{}'", type);
    }
  }

  static std::string cut(std::string text, const Conversion& style) {
    return style.precision < 0 ? text : text.substr(0, byte_offset(text, style.precision));
  }

  static std::string character(const Value& value) {
    if (const Text* text = value.text()) {
      require(text->length == 1, "%c requires int or char");
      return text->bytes;
    }
    int64_t point = 0;
    require(to_integer(value, &point), "%c requires int or char");
    require(point >= 0 && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF), "%c arg is no character");
    std::string out;
    append_code_point(&out, static_cast<char32_t>(point));
    return out;
  }

  void integer(char type, const Conversion& style, const Value& value) {
    require_defined(value);
    const bool decimal = type == 'd' || type == 'i' || type == 'u';
    int64_t integer = 0;
    if (const double* number = value.get_if<double>(); number != nullptr && decimal) {
      to_integer(whole(std::trunc(*number)), &integer);
    } else {
      require(to_integer(value, &integer), "%{} format: a number is required, not {}", type, type_name(value));
    }
    const int base = decimal ? 10 : type == 'o' ? 8 : 16;
    std::string digits = digits_of(integer, base, type == 'X');
    if (static_cast<int64_t>(digits.size()) < style.precision) {
      digits.insert(0, static_cast<size_t>(style.precision) - digits.size(), '0');
    }
    const std::string prefix = !style.alternate || decimal ? "" : std::string("0") + type;
    number_text(integer < 0, prefix, digits, style);
  }

  void real(char type, const Conversion& style, const Value& value) {
    require_defined(value);
    require(is_number(value), "must be real number, not {}", type_name(value));
    const double number = to_double(value);
    const int precision = style.precision < 0 ? 6 : static_cast<int>(style.precision);
    Conversion used = style;
    if (std::isinf(number) || std::isnan(number)) used.zero = false;
    number_text(std::signbit(number) && !std::isnan(number), "", float_digits(number, type, precision, style.alternate),
                used);
  }

  void number_text(bool negative, const std::string& prefix, std::string digits, const Conversion& style) {
    const std::string sign = (negative ? "-" : style.sign ? "+" : style.space ? " " : "") + prefix;
    const int64_t missing = style.width - static_cast<int64_t>(sign.size() + digits.size());
    if (style.zero && !style.left && missing > 0) digits.insert(0, static_cast<size_t>(missing), '0');
    pad(sign + digits, style);
  }

  void pad(const std::string& text, const Conversion& style) {
    const int64_t missing = std::max<int64_t>(style.width - count_code_points(text), 0);
    if (!style.left) out_.append(static_cast<size_t>(missing), ' ');
    out_ += text;
    if (style.left) out_.append(static_cast<size_t>(missing), ' ');
  }

  const std::string& format_;
  bool markup_;
  const Value& values_;
  Runtime& runtime_;
  std::string out_;
  size_t at_ = 0;
  size_t next_ = 0;
  bool named_ = false;
};

}  // namespace

Value percent_format(const Text& format, const Value& values, Runtime* runtime) {
  return PercentFormatter(format, values, runtime).run();
}

}  // namespace t6::jinja
