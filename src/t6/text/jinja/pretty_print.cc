#include "t6/text/jinja/pretty_print.h"

#include <algorithm>

#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

constexpr int64_t kWidth = 80;

int64_t length(const std::string& text) { return count_code_points(text); }

bool ordered(const Value& a, const Value& b) {
  const bool comparable = (a.text() != nullptr && b.text() != nullptr) || (is_number(a) && is_number(b));
  return comparable ? less(a, b) : type_name(a) < type_name(b);
}

// The value with all its dicts sorted by key.
Value sorted(const Value& value, Runtime* runtime) {
  if (const List* list = value.list()) {
    std::vector<Value> items;
    for (const Value& item : list->items) items.push_back(sorted(item, runtime));
    return runtime->list(std::move(items), list->type);
  }
  if (value.dict() == nullptr) return value;
  std::vector<std::pair<Value, Value>> items = value.dict()->items;
  std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return ordered(a.first, b.first); });
  Dict dict;
  for (const auto& [key, item] : items) runtime->set(&dict, key, sorted(item, runtime));
  return runtime->dict(std::move(dict));
}

class PrettyPrinter {
 public:
  explicit PrettyPrinter(Runtime* runtime) : runtime_(*runtime) {}

  std::string run(const Value& value) {
    print(value, 0, 0, true);
    return std::move(out_);
  }

 private:
  // From column `indent` on, with `allowance` characters to come after the value.
  void print(const Value& value, int64_t indent, int64_t allowance, bool top) {
    const std::string plain = repr(value, &runtime_);
    const bool fits = length(plain) <= kWidth - indent - allowance;
    const Text* text = value.text();
    if (!fits && value.dict() != nullptr) {
      print_dict(*value.dict(), indent, allowance + 1);
    } else if (!fits && value.list() != nullptr && value.list()->type != List::Type::group) {
      print_list(*value.list(), indent, allowance);
    } else if (!fits && text != nullptr && !text->markup && text->length > 0) {
      print_text(text->bytes, indent, allowance, top);
    } else {
      out_ += plain;
    }
    runtime_.check_text(out_.size());
  }

  void line(int64_t indent) {
    out_ += "\n";
    out_.append(static_cast<size_t>(indent), ' ');
  }

  void print_dict(const Dict& dict, int64_t indent, int64_t allowance) {
    out_ += '{';
    for (size_t i = 0; i < dict.items.size(); ++i) {
      const std::string key = repr(dict.items[i].first, &runtime_);
      const bool last = i + 1 == dict.items.size();
      out_ += key + ": ";
      print(dict.items[i].second, indent + 1 + length(key) + 2, last ? allowance : 1, false);
      if (!last) {
        out_ += ',';
        line(indent + 1);
      }
    }
    out_ += '}';
  }

  void print_list(const List& list, int64_t indent, int64_t allowance) {
    const std::string end = !list.tuple() ? "]" : list.items.size() == 1 ? ",)" : ")";
    out_ += list.tuple() ? '(' : '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      const bool last = i + 1 == list.items.size();
      print(list.items[i], indent + 1, last ? allowance + static_cast<int64_t>(end.size()) : 1, false);
      if (!last) {
        out_ += ',';
        line(indent + 1);
      }
    }
    out_ += end;
  }

  void print_text(const std::string& text, int64_t indent, int64_t allowance, bool top) {
    if (top) {
      ++indent;
      ++allowance;
    }
    const std::vector<std::string> chunks = text_chunks(text, kWidth - indent, allowance);
    if (chunks.size() == 1) {
      out_ += repr(std::string_view(text));
      return;
    }
    if (top) out_ += '(';
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i > 0) line(indent);
      out_ += chunks[i];
    }
    if (top) out_ += ')';
  }

  // Literals that make up the text: a line each, or words that fit.
  std::vector<std::string> text_chunks(const std::string& text, int64_t width, int64_t allowance) {
    std::vector<std::string> chunks;
    const std::vector<std::string> lines = split_lines(text, true, &runtime_);
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool last = i + 1 == lines.size();
      const std::string plain = repr(std::string_view(lines[i]));
      if (length(plain) <= width - (last ? allowance : 0)) {
        chunks.push_back(plain);
      } else {
        append_words(words(lines[i]), width, last ? allowance : 0, &chunks);
      }
    }
    return chunks;
  }

  void append_words(const std::vector<std::string>& parts, int64_t width, int64_t allowance,
                    std::vector<std::string>* chunks) {
    std::string current;
    for (size_t j = 0; j < parts.size(); ++j) {
      runtime_.charge(1);
      const std::string candidate = repr(std::string_view(current + parts[j]));
      if (length(candidate) > width - (j + 1 == parts.size() ? allowance : 0)) {
        if (!current.empty()) chunks->push_back(repr(std::string_view(current)));
        current = parts[j];
      } else {
        current += parts[j];
      }
    }
    if (!current.empty()) chunks->push_back(repr(std::string_view(current)));
  }

  // Each with the white space that follows it.
  static std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> parts;
    size_t begin = 0;
    bool space = false;
    for (size_t at = 0; at < line.size();) {
      const size_t here = at;
      const bool blank = is_space(next_code_point(line, &at));
      if (space && !blank) {
        parts.push_back(line.substr(begin, here - begin));
        begin = here;
      }
      space = blank;
    }
    parts.push_back(line.substr(begin));
    return parts;
  }

  Runtime& runtime_;
  std::string out_;
};

}  // namespace

std::string pretty_print(const Value& value, Runtime* runtime) {
  return PrettyPrinter(runtime).run(sorted(value, runtime));
}

}  // namespace t6::jinja
