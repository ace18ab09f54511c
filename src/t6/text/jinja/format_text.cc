// str.format, as Python's string.Formatter reads it.
#include <charconv>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/escape.h"
#include "t6/text/jinja/format_spec.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

class TextFormatter {
 public:
  TextFormatter(bool markup, const FormatFields& fields, Runtime* runtime)
      : markup_(markup), fields_(fields), runtime_(*runtime) {}

  // Fields stand in specifications of fields too, one level deep.
  std::string run(std::string_view format, int level) {
    require(level < 2, "Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at++];
      const bool doubled = at < format.size() && format[at] == c;
      if (c != '{' && c != '}') {
        out += c;
      } else if (doubled) {
        out += c;
        ++at;
      } else {
        require(c == '{', "Single '}}' encountered in format string");
        out += field(inside(format, &at), level);
      }
      runtime_.check_text(out.size());
    }
    return out;
  }

 private:
  // What stands before the brace that closes, after which *at is left.
  static std::string_view inside(std::string_view format, size_t* at) {
    const size_t begin = *at;
    int depth = 1;
    bool index = false;
    for (; *at < format.size(); ++*at) {
      const char c = format[*at];
      if (c == '[' && depth == 1) index = true;
      if (c == ']') index = false;
      if (index) continue;
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (depth == 0) break;
    }
    require(*at < format.size(), "expected '}}' before end of string");
    ++*at;
    return format.substr(begin, *at - begin - 1);
  }

  std::string field(std::string_view text, int level) {
    size_t name_end = 0;
    for (bool index = false; name_end < text.size(); ++name_end) {
      const char c = text[name_end];
      if (c == '[') index = true;
      if (c == ']') index = false;
      require(c != '{' || index, "unexpected '{{' in field name");
      if (!index && (c == '!' || c == ':')) break;
    }
    Value value = find(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (rest.starts_with('!')) {
      require(rest.size() >= 2 && (rest.size() == 2 || rest[2] == ':'), "expected ':' after conversion specifier");
      value = converted(value, rest[1]);
      rest = rest.substr(2);
    }
    const std::string spec = rest.empty() ? "" : run(rest.substr(1), level + 1);
    return formatted(value, spec);
  }

  Value converted(const Value& value, char conversion) {
    require(conversion == 's' || conversion == 'r' || conversion == 'a', "Unknown conversion specifier {}", conversion);
    return runtime_.text(conversion == 's' ? str(value, &runtime_) : repr(value, &runtime_));
  }

  std::string formatted(const Value& value, const std::string& spec) {
    if (!markup_) {
      if (value.undefined()) require(spec.empty(), "unsupported format string passed to Undefined.__format__");
      return format_value(value, spec, &runtime_);
    }
    if (const Text* text = value.text(); text != nullptr && text->markup) {
      require(spec.empty(), "Unsupported format specification for Markup.");
      return text->bytes;
    }
    return escape_html(format_value(value, spec, &runtime_));
  }

  static bool index_of(std::string_view text, size_t* index) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *index);
    return !text.empty() && error == std::errc() && end == text.data() + text.size();
  }

  Value find(std::string_view name) {
    const size_t first_end = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, first_end));
    for (size_t at = first_end; at < name.size();) {
      if (name[at] == '.') {
        const size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        require(end > at + 1, "Empty attribute in format string");
        value = fields_.attribute(value, std::string(name.substr(at + 1, end - at - 1)));
        at = end;
      } else {
        require(name[at] == '[', "Only '.' or '[' may follow ']' in format field specifier");
        const size_t end = name.find(']', at);
        require(end != name.npos, "Missing ']' in format string");
        require(end > at + 1, "Empty attribute in format string");
        value = item(value, name.substr(at + 1, end - at - 1));
        at = end + 1;
      }
    }
    return value;
  }

  Value item(const Value& value, std::string_view index) {
    size_t number = 0;
    if (index_of(index, &number)) return fields_.item(value, Value(static_cast<int64_t>(number)));
    return fields_.item(value, runtime_.text(std::string(index)));
  }

  Value first(std::string_view name) {
    size_t index = 0;
    if (name.empty()) {
      require(!numbered_, "cannot switch from manual field specification to automatic field numbering");
      automatic_ = true;
      return fields_.positional(next_++);
    }
    if (!index_of(name, &index)) return fields_.named(std::string(name));
    require(!automatic_, "cannot switch from automatic field numbering to manual field specification");
    numbered_ = true;
    return fields_.positional(index);
  }

  bool markup_;
  const FormatFields& fields_;
  Runtime& runtime_;
  size_t next_ = 0;
  bool automatic_ = false;
  bool numbered_ = false;
};

}  // namespace

Value format_text(const Text& format, const FormatFields& fields, Runtime* runtime) {
  return runtime->text(TextFormatter(format.markup, fields, runtime).run(format.bytes, 0), format.markup);
}

}  // namespace t6::jinja
