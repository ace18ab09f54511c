#include "t6/text/jinja/attribute_path.h"

#include "t6/text/jinja/attributes.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/number_text.h"
#include "t6/text/jinja/text_predicates.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

std::vector<std::string> pieces(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

AttributePath::AttributePath(const Value* attribute) {
  if (attribute == nullptr || attribute->is_none()) return;
  if (attribute->text() == nullptr) {
    parts_ = {*attribute};
    return;
  }
  for (const std::string& part : pieces(attribute->text()->bytes, '.')) {
    int64_t index = 0;
    const bool digits = text_predicate("isdigit", part);
    require(!digits || parse_integer(part, 10, &index), "'{}' is no index", part);
    parts_.push_back(digits ? Value(index) : make_text(part));
  }
}

std::vector<AttributePath> AttributePath::several(const Value* attribute) {
  if (attribute == nullptr || attribute->text() == nullptr) return {AttributePath(attribute)};
  std::vector<AttributePath> paths;
  for (const std::string& part : pieces(attribute->text()->bytes, ',')) {
    const Value path = make_text(part);
    paths.push_back(AttributePath(&path));
  }
  return paths;
}

Value AttributePath::of(const Value& item, Runtime* runtime, const Value* fallback) const {
  Value value = item;
  for (const Value& part : parts_) {
    value = get_item(value, part, runtime);
    if (fallback != nullptr && value.undefined()) value = *fallback;
  }
  return value;
}

Value ignore_case(const Value& value, Runtime* runtime) {
  const Text* text = value.text();
  return text == nullptr ? value : runtime->text(lower(text->bytes), text->markup);
}

}  // namespace t6::jinja
