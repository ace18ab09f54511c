// Python's json.dumps.
#include <algorithm>
#include <cmath>

#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

class JsonPrinter {
 public:
  JsonPrinter(const JsonStyle& style, Runtime* runtime) : style_(style), runtime_(*runtime) {}

  std::string run(const Value& value) {
    runtime_.charge(weight_of(value));
    print(value, 0);
    return std::move(out_);
  }

 private:
  void print(const Value& value, int depth) {
    runtime_.check_text(out_.size());
    if (const Text* text = value.text()) {
      string(text->bytes);
    } else if (const List* list = value.list()) {
      print_list(*list, depth);
    } else if (const Dict* dict = value.dict()) {
      print_dict(*dict, depth);
    } else {
      out_ += simple(value);
    }
  }

  static std::string simple(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* boolean = value.get_if<bool>()) return *boolean ? "true" : "false";
    if (const int64_t* integer = value.get_if<int64_t>()) return std::to_string(*integer);
    const double* number = value.get_if<double>();
    require(number != nullptr, "an object of type {} is not JSON serializable", type_name(value));
    if (std::isnan(*number)) return "NaN";
    if (std::isinf(*number)) return *number > 0 ? "Infinity" : "-Infinity";
    return repr(*number);
  }

  void separate(bool first, int depth) {
    if (!first) out_ += style_.item_separator;
    line(depth);
  }
  void line(int depth) {
    if (!style_.pretty) return;
    runtime_.check_product(static_cast<int64_t>(style_.indent.size()), depth);
    out_ += '\n';
    for (int i = 0; i < depth; ++i) out_ += style_.indent;
    runtime_.check_text(out_.size());
  }

  void print_list(const List& list, int depth) {
    if (list.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      separate(i == 0, depth + 1);
      print(list.items[i], depth + 1);
    }
    line(depth);
    out_ += ']';
  }

  void print_dict(const Dict& dict, int depth) {
    if (dict.items.empty()) {
      out_ += "{}";
      return;
    }
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items) items.push_back(&item);
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(),
                       [](const auto* a, const auto* b) { return less(a->first, b->first); });
    }
    out_ += '{';
    for (size_t i = 0; i < items.size(); ++i) {
      separate(i == 0, depth + 1);
      const Text* key = items[i]->first.text();
      const bool fits = key != nullptr || is_number(items[i]->first) || items[i]->first.is_none();
      require(fits, "a key of type {} is not JSON serializable", type_name(items[i]->first));
      string(key != nullptr ? key->bytes : simple(items[i]->first));
      out_ += style_.key_separator;
      print(items[i]->second, depth + 1);
    }
    line(depth);
    out_ += '}';
  }

  void string(std::string_view text) {
    static constexpr std::string_view kShort = "\"\"\\\\\nn\rr\tt\ff\bb";  // pairs of character and letter
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      const char32_t point = next_code_point(text, &at);
      size_t pair = 0;
      while (pair < kShort.size() && static_cast<char32_t>(kShort[pair]) != point) pair += 2;
      if (pair < kShort.size()) {
        out_ += '\\';
        out_ += kShort[pair + 1];
      } else if (point < 0x20 || (style_.ascii && point > 0x7E)) {
        escape(point);
      } else {
        append_code_point(&out_, point);
      }
    }
    out_ += '"';
  }

  void escape(char32_t point) {
    auto number = static_cast<uint32_t>(point);
    if (number < 0x10000) {
      out_ += fmt::format("\\u{:04x}", number);
    } else {
      number -= 0x10000;
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (number >> 10), 0xDC00 + (number & 0x3FF));
    }
  }

  const JsonStyle& style_;
  Runtime& runtime_;
  std::string out_;
};

}  // namespace

std::string json(const Value& value, const JsonStyle& style, Runtime* runtime) {
  std::string text = JsonPrinter(style, runtime).run(value);
  runtime->charge_text(text.size());
  return text;
}

}  // namespace t6::jinja
