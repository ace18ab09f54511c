#include "t6/text/jinja/print.h"

#include <charconv>
#include <cmath>

#include "t6/text/jinja/objects.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// The shortest digits that read back as the number, and the exponent of the first.
std::string shortest_digits(double number, int* exponent) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  const size_t sign = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + sign, text.data() + text.size(), *exponent);
  return digits;
}

void append_escape(char32_t point, std::string* out) {
  const auto number = static_cast<uint32_t>(point);
  *out += point < 0x100     ? fmt::format("\\x{:02x}", number)
          : point < 0x10000 ? fmt::format("\\u{:04x}", number)
                            : fmt::format("\\U{:08x}", number);
}

class Printer {
 public:
  explicit Printer(Runtime* runtime) : runtime_(*runtime) {}

  std::string run(const Value& value) {
    runtime_.charge(weight_of(value));
    print(value);
    return std::move(out_);
  }

 private:
  void print(const Value& value) {
    runtime_.check_text(out_.size());
    if (const Text* text = value.text()) {
      out_ += text->markup ? "Markup(" + repr(text->bytes) + ")" : repr(text->bytes);
    } else if (const List* list = value.list()) {
      print_list(*list);
    } else if (const Dict* dict = value.dict()) {
      print_dict(*dict);
    } else if (value.shared<View>() != nullptr) {
      print_view(value);
    } else if (Object* const* object = value.get_if<Object*>()) {
      print_object(value, **object);
    } else if (value.undefined()) {
      out_ += "Undefined";
    } else {
      print_simple(value);
    }
  }

  void print_simple(const Value& value) {
    if (value.is_none()) {
      out_ += "None";
    } else if (const bool* boolean = value.get_if<bool>()) {
      out_ += *boolean ? "True" : "False";
    } else if (const int64_t* integer = value.get_if<int64_t>()) {
      out_ += std::to_string(*integer);
    } else if (const double* number = value.get_if<double>()) {
      out_ += repr(*number);
    } else if (const auto* range = value.shared<Range>()) {
      out_ += fmt::format("range({}, {}", range->start, range->stop);
      out_ += range->step == 1 ? ")" : fmt::format(", {})", range->step);
    } else if (const auto* method = value.shared<Method>()) {
      out_ += fmt::format("<built-in method {} of {} object>", method->name, type_name(method->self));
    } else if (const Function* const* function = value.get_if<const Function*>()) {
      out_ += fmt::format("<function {}>", (*function)->name);
    }
  }

  void print_list(const List& list) {
    out_ += list.tuple() ? '(' : '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      print(list.items[i]);
    }
    if (list.tuple() && list.items.size() == 1) out_ += ',';
    out_ += list.tuple() ? ')' : ']';
  }

  void print_dict(const Dict& dict) {
    out_ += '{';
    for (size_t i = 0; i < dict.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      print(dict.items[i].first);
      out_ += ": ";
      print(dict.items[i].second);
    }
    out_ += '}';
  }

  void print_view(const Value& value) {
    out_ += type_name(value);
    out_ += '(';
    print_list({runtime_.collect(value)});
    out_ += ')';
  }

  void print_object(const Value& value, const Object& object) {
    const Runtime::Level level(&runtime_);
    if (const auto* space = value.object<Namespace>()) {
      runtime_.charge(space->attributes.weight);
      out_ += "<Namespace ";
      print_dict(space->attributes);
      out_ += '>';
    } else if (const auto* macro = value.object<Macro>()) {
      out_ += "<Macro " + (macro->node->target ? repr(macro->node->target->text) : "anonymous") + ">";
    } else if (auto* loop = value.object<Loop>()) {
      out_ += fmt::format("<LoopContext {}/{}>", loop->index() + 1, loop->length());
    } else {
      out_ += fmt::format("<{} object>", object.type());
    }
  }

  Runtime& runtime_;
  std::string out_;
};

}  // namespace

std::string repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  int exponent = 0;
  std::string digits = shortest_digits(std::fabs(number), &exponent);
  const std::string sign = std::signbit(number) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    if (digits.size() > 1) digits.insert(1, ".");
    return fmt::format("{}{}e{}{:02d}", sign, digits, exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string repr(std::string_view text) {
  const bool single = text.find('\'') == text.npos || text.find('"') != text.npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const char32_t point = next_code_point(text, &at);
    if (point == static_cast<char32_t>(quote) || point == '\\') {
      out += '\\';
      out += static_cast<char>(point);
    } else if (point == '\n' || point == '\r' || point == '\t') {
      out += point == '\n' ? "\\n" : point == '\r' ? "\\r" : "\\t";
    } else if (is_printable(point)) {
      append_code_point(&out, point);
    } else {
      append_escape(point, &out);
    }
  }
  return out + quote;
}

std::string repr(const Value& value, Runtime* runtime) {
  std::string text = Printer(runtime).run(value);
  runtime->charge_text(text.size());
  return text;
}

std::string str(const Value& value, Runtime* runtime) {
  if (const Text* text = value.text()) {
    runtime->charge_text(text->bytes.size());
    return text->bytes;
  }
  return value.undefined() || value.missing() ? "" : repr(value, runtime);
}

}  // namespace t6::jinja
