#include "t6/text/jinja/attributes.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/object_attributes.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

constexpr std::string_view kTextMethods[] = {
    "capitalize",   "casefold",   "center",    "count",       "encode",    "endswith",     "expandtabs",   "find",
    "format",       "format_map", "index",     "isalnum",     "isalpha",   "isascii",      "isdecimal",    "isdigit",
    "isidentifier", "islower",    "isnumeric", "isprintable", "isspace",   "istitle",      "isupper",      "join",
    "ljust",        "lower",      "lstrip",    "maketrans",   "partition", "removeprefix", "removesuffix", "replace",
    "rfind",        "rindex",     "rjust",     "rpartition",  "rsplit",    "rstrip",       "split",        "splitlines",
    "startswith",   "strip",      "swapcase",  "title",       "translate", "upper",        "zfill"};
constexpr std::string_view kMarkupMethods[] = {"escape", "striptags", "unescape"};
constexpr std::string_view kListMethods[] = {"copy", "count", "index"};
constexpr std::string_view kListChanges[] = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
constexpr std::string_view kTupleMethods[] = {"count", "index"};
constexpr std::string_view kDictMethods[] = {"copy", "fromkeys", "get", "items", "keys", "values"};
constexpr std::string_view kDictChanges[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kRangeMethods[] = {"count", "index"};
constexpr std::string_view kSetViewMethods[] = {"isdisjoint"};
constexpr std::string_view kIntegerMethods[] = {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "to_bytes"};
constexpr std::string_view kFloatMethods[] = {"as_integer_ratio", "conjugate", "hex", "is_integer"};

// The name as the tables have it, which outlives the template; nothing when it is not there.
template <size_t N>
std::optional<std::string_view> find_name(const std::string_view (&names)[N], std::string_view name) {
  const auto* found = std::find(std::begin(names), std::end(names), name);
  return found == std::end(names) ? std::nullopt : std::optional(*found);
}

std::optional<std::string_view> method_name(const Value& value, std::string_view name) {
  if (const Text* text = value.text()) {
    const auto found = find_name(kTextMethods, name);
    return found || !text->markup ? found : find_name(kMarkupMethods, name);
  }
  if (const List* list = value.list())
    return list->tuple() ? find_name(kTupleMethods, name) : find_name(kListMethods, name);
  if (value.dict() != nullptr) return find_name(kDictMethods, name);
  if (value.shared<Range>() != nullptr) return find_name(kRangeMethods, name);
  if (const auto* view = value.shared<View>(); view != nullptr && view->part != View::Part::values) {
    return find_name(kSetViewMethods, name);
  }
  if (value.get_if<double>() != nullptr) return find_name(kFloatMethods, name);
  return is_number(value) ? find_name(kIntegerMethods, name) : std::nullopt;
}

bool changes(const Value& value, std::string_view name) {
  if (const List* list = value.list()) return !list->tuple() && find_name(kListChanges, name);
  return value.dict() != nullptr && find_name(kDictChanges, name);
}

// Attributes that are values.
Value plain_attribute(const Value& value, std::string_view name) {
  if (const auto* range = value.shared<Range>()) {
    if (name == "start") return Value(range->start);
    if (name == "stop") return Value(range->stop);
    if (name == "step") return Value(range->step);
  }
  if (const List* list = value.list(); list != nullptr && list->type == List::Type::group) {
    if (name == "grouper") return list->items[0];
    if (name == "list") return list->items[1];
  }
  int64_t integer = 0;
  if (to_integer(value, &integer)) {
    if (name == "real" || name == "numerator") return Value(integer);
    if (name == "imag") return Value(int64_t{0});
    if (name == "denominator") return Value(int64_t{1});
  }
  if (value.get_if<double>() != nullptr) {
    if (name == "real") return value;
    if (name == "imag") return Value(0.0);
  }
  return Value();
}

std::string described(const Value& value) {
  return value.is_none() ? "None" : fmt::format("{} object", type_name(value));
}

Value no_attribute(const Value& value, std::string_view name, Runtime* runtime) {
  return runtime->undefined(fmt::format("'{}' has no attribute {}", described(value), repr(name)));
}

Value unsafe(const Value& value, std::string_view name, Runtime* runtime) {
  return runtime->undefined(
      fmt::format("access to attribute {} of '{}' object is unsafe.", repr(name), type_name(value)));
}

// The attribute itself; missing when there is none.
Value own_attribute(const Value& value, std::string_view name, Runtime* runtime) {
  if (value.get_if<Object*>() != nullptr) {
    Value found = object_attribute(value, name, runtime);
    return !found.missing() && name.starts_with('_') ? unsafe(value, name, runtime) : found;
  }
  if (changes(value, name)) return unsafe(value, name, runtime);
  if (const auto method = method_name(value, name)) {
    runtime->charge(1);
    require(depth_of(value) < 200, "a method of a value nested too deep");
    return Value(std::make_shared<const Method>(Method{value, *method}));
  }
  return plain_attribute(value, name);
}

bool in_bounds(int64_t* index, int64_t size) {
  if (*index < 0) *index += size;
  return *index >= 0 && *index < size;
}

// value[index]; missing when Python has none.
Value own_item(const Value& value, const Value& index, Runtime* runtime) {
  if (const Dict* dict = value.dict()) {
    if (index.list() != nullptr || index.dict() != nullptr) return Value();
    runtime->charge(weight_of(index));
    const Value* found = dict->find(index);
    return found == nullptr ? Value() : *found;
  }
  int64_t at = 0;
  if (!to_integer(index, &at)) return Value();
  if (const List* list = value.list()) {
    return in_bounds(&at, static_cast<int64_t>(list->items.size())) ? list->items[static_cast<size_t>(at)] : Value();
  }
  if (const auto* range = value.shared<Range>()) return in_bounds(&at, range->size()) ? Value(range->at(at)) : Value();
  const Text* text = value.text();
  if (text == nullptr || !in_bounds(&at, text->length)) return Value();
  if (!text->ascii()) runtime->charge(weight_of(value));
  const size_t begin = text->ascii() ? static_cast<size_t>(at) : byte_offset(text->bytes, at);
  size_t end = begin;
  next_code_point(text->bytes, &end);
  return runtime->text(text->bytes.substr(begin, end - begin), text->markup);
}

int64_t bound(const Value& value, int64_t fallback) {
  if (value.missing() || value.is_none()) return fallback;
  int64_t integer = 0;
  require(to_integer(value, &integer), "slice indices must be integers or None, not a '{}'", type_name(value));
  return integer;
}

struct Bounds {
  int64_t start, step, count;
};

Bounds slice_bounds(const Value& start, const Value& stop, const Value& step, int64_t size) {
  const int64_t stride = bound(step, 1);
  require(stride != 0, "slice step cannot be zero");
  const bool forward = stride > 0;
  const auto clamp = [&](int64_t index) {
    if (index < 0) index += size;
    return std::clamp(index, forward ? int64_t{0} : int64_t{-1}, forward ? size : size - 1);
  };
  const bool open_start = start.missing() || start.is_none();
  const bool open_stop = stop.missing() || stop.is_none();
  const int64_t first = open_start ? (forward ? 0 : size - 1) : clamp(bound(start, 0));
  const int64_t last = open_stop ? (forward ? size : -1) : clamp(bound(stop, 0));
  return {first, stride, Range{first, last, stride}.size()};
}

Value slice_text(const Text& text, const Bounds& bounds, Runtime* runtime) {
  if (bounds.step == 1) {
    const size_t begin = text.ascii() ? static_cast<size_t>(bounds.start) : byte_offset(text.bytes, bounds.start);
    const std::string_view rest = std::string_view(text.bytes).substr(begin);
    const size_t size = text.ascii() ? static_cast<size_t>(bounds.count) : byte_offset(rest, bounds.count);
    return runtime->text(std::string(rest.substr(0, size)), text.markup);
  }
  const std::vector<char32_t> points = code_points(text.bytes);
  std::string out;
  for (int64_t i = 0; i < bounds.count; ++i) {
    append_code_point(&out, points[static_cast<size_t>(bounds.start + i * bounds.step)]);
  }
  return runtime->text(std::move(out), text.markup);
}

Value slice_range(const Range& range, const Bounds& bounds) {
  using Wide = __int128;
  const Wide first = range.start + Wide{bounds.start} * range.step;
  const Wide step = Wide{range.step} * bounds.step;
  const Wide last = first + step * bounds.count;
  const auto fits = [](Wide number) { return number >= INT64_MIN && number <= INT64_MAX; };
  require(fits(first) && fits(step) && fits(last), "a range that does not fit in 64 bits");
  return Value(std::make_shared<const Range>(
      Range{static_cast<int64_t>(first), static_cast<int64_t>(last), static_cast<int64_t>(step)}));
}

}  // namespace

Value get_attribute(const Value& value, std::string_view name, Runtime* runtime) {
  require_defined(value);
  Value found = own_attribute(value, name, runtime);
  if (!found.missing()) return found;
  if (const Dict* dict = value.dict()) {
    if (const Value* item = dict->find(name)) return *item;
  }
  return no_attribute(value, name, runtime);
}

Value get_item(const Value& value, const Value& index, Runtime* runtime) {
  require_defined(value);
  Value found = own_item(value, index, runtime);
  if (found.missing() && index.text() != nullptr) found = own_attribute(value, index.text()->bytes, runtime);
  if (!found.missing()) return found;
  if (index.text() != nullptr) return no_attribute(value, index.text()->bytes, runtime);
  return runtime->undefined(fmt::format("{} has no element {}", described(value), repr(index, runtime)));
}

Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step, Runtime* runtime) {
  require_defined(value);
  if (const Text* text = value.text()) {
    runtime->charge(weight_of(value));
    return slice_text(*text, slice_bounds(start, stop, step, text->length), runtime);
  }
  if (const auto* range = value.shared<Range>()) {
    const Bounds bounds = slice_bounds(start, stop, step, range->size());
    return slice_range(*range, bounds);
  }
  const List* list = value.list();
  require(list != nullptr, "a '{}' has no slices", type_name(value));
  const Bounds bounds = slice_bounds(start, stop, step, static_cast<int64_t>(list->items.size()));
  std::vector<Value> items;
  runtime->charge(bounds.count);
  for (int64_t i = 0; i < bounds.count; ++i)
    items.push_back(list->items[static_cast<size_t>(bounds.start + i * bounds.step)]);
  return runtime->list(std::move(items), list->tuple() ? List::Type::tuple : List::Type::list);
}

bool has_attribute(const Value& value, std::string_view name) {
  return changes(value, name) || method_name(value, name) || !plain_attribute(value, name).missing();
}

}  // namespace t6::jinja
