#include "t6/text/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;

size_t combine(size_t seed, size_t more) { return seed ^ (more + 0x9E3779B97F4A7C15u + (seed << 6) + (seed >> 2)); }

size_t hash_number(double number) {
  if (number == std::floor(number) && number >= -kTwoTo63 && number < kTwoTo63) {
    return std::hash<int64_t>()(static_cast<int64_t>(number));
  }
  return std::hash<double>()(number);
}

// -1, 0, 1, or 2 when one is not a number. Exact, as Python's comparison of int and float is.
int compare_mixed(int64_t integer, double number) {
  if (std::isnan(number)) return 2;
  if (number >= kTwoTo63) return -1;
  if (number < -kTwoTo63) return 1;
  const auto whole = static_cast<int64_t>(number);
  if (integer != whole) return integer < whole ? -1 : 1;
  const double rest = number - static_cast<double>(whole);
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

int compare_numbers(const Value& a, const Value& b) {
  int64_t x = 0;
  int64_t y = 0;
  const bool whole_a = to_integer(a, &x);
  const bool whole_b = to_integer(b, &y);
  if (whole_a && whole_b) return x < y ? -1 : x > y ? 1 : 0;
  if (whole_a) return compare_mixed(x, to_double(b));
  if (whole_b) {
    const int reversed = compare_mixed(y, to_double(a));
    return reversed == 2 ? 2 : -reversed;
  }
  const double p = to_double(a);
  const double q = to_double(b);
  return p < q ? -1 : p > q ? 1 : p == q ? 0 : 2;
}

bool equal_lists(const List& a, const List& b) {
  return a.tuple() == b.tuple() && a.items.size() == b.items.size() &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  return a.items.size() == b.items.size() && std::all_of(a.items.begin(), a.items.end(), [&](const auto& item) {
           const Value* other = b.find(item.first);
           return other != nullptr && equal(item.second, *other);
         });
}

bool equal_ranges(const Range& a, const Range& b) {
  const int64_t size = a.size();
  return size == b.size() && (size == 0 || (a.start == b.start && (size == 1 || a.step == b.step)));
}

bool equal_views(const View& a, const View& b) {
  if (a.part != b.part || a.part == View::Part::values) return &a == &b;
  if (a.part == View::Part::items) return equal_dicts(*a.dict, *b.dict);
  return a.dict->items.size() == b.dict->items.size() &&
         std::all_of(a.dict->items.begin(), a.dict->items.end(),
                     [&](const auto& item) { return b.dict->find(item.first) != nullptr; });
}

[[noreturn]] void no_order(const Value& a, const Value& b) {
  if (const auto* undefined = a.shared<Undefined>()) fail("{}", undefined->message);
  if (const auto* undefined = b.shared<Undefined>()) fail("{}", undefined->message);
  fail("no order between a '{}' and a '{}'", type_name(a), type_name(b));
}

// The order of a and b where they differ first; 0 when equal, 2 when nothing is less (not a number).
int compare(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (a.text() != nullptr && b.text() != nullptr) {
    const int order = a.text()->bytes.compare(b.text()->bytes);  // UTF-8 sorts as its code points do
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (a.list() == nullptr || b.list() == nullptr || a.list()->tuple() != b.list()->tuple()) no_order(a, b);
  const std::vector<Value>& x = a.list()->items;
  const std::vector<Value>& y = b.list()->items;
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!equal(x[i], y[i])) return compare(x[i], y[i]);
  }
  return x.size() < y.size() ? -1 : x.size() > y.size() ? 1 : 0;
}

}  // namespace

int64_t Range::size() const {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                     : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  return static_cast<int64_t>(std::min<uint64_t>((distance - 1) / stride + 1, INT64_MAX));
}

Value make_text(std::string bytes, bool markup) {
  const int64_t length = count_code_points(bytes);
  return Value(std::make_shared<const Text>(Text{std::move(bytes), length, markup}));
}

int depth_of(const Value& value) {
  if (const List* list = value.list()) return list->depth;
  if (const Dict* dict = value.dict()) return dict->depth;
  if (const auto* view = value.shared<View>()) return view->dict->depth;
  if (const auto* method = value.shared<Method>()) return 1 + depth_of(method->self);
  return 0;
}

int64_t weight_of(const Value& value) {
  if (const Text* text = value.text()) return 1 + static_cast<int64_t>(text->bytes.size() / 64);
  if (const List* list = value.list()) return list->weight;
  if (const Dict* dict = value.dict()) return dict->weight;
  if (const auto* view = value.shared<View>()) return view->dict->weight;
  return 1;
}

void Dict::set(Value key, Value value) {
  const size_t code = hash(key);
  depth = std::max({depth, 1 + depth_of(key), 1 + depth_of(value)});
  weight = std::min(weight + weight_of(key) + weight_of(value), kMostWeight);
  const auto [first, last] = places.equal_range(code);
  for (auto place = first; place != last; ++place) {
    if (equal(items[place->second].first, key)) {
      items[place->second].second = std::move(value);
      return;
    }
  }
  places.emplace(code, items.size());
  items.emplace_back(std::move(key), std::move(value));
}

const Value* Dict::find(const Value& key) const {
  const auto [first, last] = places.equal_range(hash(key));
  for (auto place = first; place != last; ++place) {
    if (equal(items[place->second].first, key)) return &items[place->second].second;
  }
  return nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const auto [first, last] = places.equal_range(std::hash<std::string_view>()(key));
  for (auto place = first; place != last; ++place) {
    const Text* text = items[place->second].first.text();
    if (text != nullptr && text->bytes == key) return &items[place->second].second;
  }
  return nullptr;
}

std::string_view type_name(const Value& value) {
  struct Visitor {
    std::string_view operator()(std::monostate) const { return "Undefined"; }
    std::string_view operator()(const std::shared_ptr<const Undefined>&) const { return "Undefined"; }
    std::string_view operator()(None) const { return "NoneType"; }
    std::string_view operator()(bool) const { return "bool"; }
    std::string_view operator()(int64_t) const { return "int"; }
    std::string_view operator()(double) const { return "float"; }
    std::string_view operator()(const std::shared_ptr<const Text>& text) const {
      return text->markup ? "Markup" : "str";
    }
    std::string_view operator()(const std::shared_ptr<const List>& list) const {
      return list->type == List::Type::list ? "list" : list->type == List::Type::tuple ? "tuple" : "_GroupTuple";
    }
    std::string_view operator()(const std::shared_ptr<const Dict>&) const { return "dict"; }
    std::string_view operator()(const std::shared_ptr<const Range>&) const { return "range"; }
    std::string_view operator()(const std::shared_ptr<const View>& view) const {
      return view->part == View::Part::keys     ? "dict_keys"
             : view->part == View::Part::values ? "dict_values"
                                                : "dict_items";
    }
    std::string_view operator()(const std::shared_ptr<const Method>&) const { return "builtin_function_or_method"; }
    std::string_view operator()(const Function*) const { return "function"; }
    std::string_view operator()(const Object* object) const { return object->type(); }
  };
  return std::visit(Visitor(), value.data());
}

bool truth(const Value& value) {
  if (const bool* boolean = value.get_if<bool>()) return *boolean;
  if (const int64_t* integer = value.get_if<int64_t>()) return *integer != 0;
  if (const double* number = value.get_if<double>()) return *number != 0;
  if (const Text* text = value.text()) return !text->bytes.empty();
  if (const List* list = value.list()) return !list->items.empty();
  if (const Dict* dict = value.dict()) return !dict->items.empty();
  if (const auto* range = value.shared<Range>()) return range->size() != 0;
  if (const auto* view = value.shared<View>()) return !view->dict->items.empty();
  return !value.missing() && !value.undefined() && !value.is_none();
}

int64_t known_length(const Value& value) {
  if (const List* list = value.list()) return static_cast<int64_t>(list->items.size());
  if (const Text* text = value.text()) return text->length;
  if (const Dict* dict = value.dict()) return static_cast<int64_t>(dict->items.size());
  if (const auto* view = value.shared<View>()) return static_cast<int64_t>(view->dict->items.size());
  if (const auto* range = value.shared<Range>()) return range->size();
  return value.undefined() ? 0 : -1;
}

size_t hash(const Value& value) {
  int64_t integer = 0;
  if (to_integer(value, &integer)) return std::hash<int64_t>()(integer);
  if (const double* number = value.get_if<double>()) return hash_number(*number);
  if (const Text* text = value.text()) return std::hash<std::string_view>()(text->bytes);
  if (const List* list = value.list()) {
    require(list->tuple(), "unhashable type: 'list'");
    size_t seed = list->items.size();
    for (const Value& item : list->items) seed = combine(seed, hash(item));
    return seed;
  }
  if (const auto* range = value.shared<Range>()) return combine(17, std::hash<int64_t>()(range->size()));
  const auto* view = value.shared<View>();
  require(value.dict() == nullptr && (view == nullptr || view->part == View::Part::values), "unhashable type: '{}'",
          type_name(value));
  if (Object* const* object = value.get_if<Object*>()) return std::hash<const void*>()(*object);
  return value.data().index();
}

bool equal(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == 0;
  if (a.data().index() != b.data().index()) return false;
  if (a.text() != nullptr) return a.text()->bytes == b.text()->bytes;
  if (a.list() != nullptr) return a.list() == b.list() || equal_lists(*a.list(), *b.list());
  if (a.dict() != nullptr) return a.dict() == b.dict() || equal_dicts(*a.dict(), *b.dict());
  if (a.shared<Range>() != nullptr) return equal_ranges(*a.shared<Range>(), *b.shared<Range>());
  if (a.shared<View>() != nullptr) return equal_views(*a.shared<View>(), *b.shared<View>());
  if (const auto* method = a.shared<Method>()) {
    return method->name == b.shared<Method>()->name && same(method->self, b.shared<Method>()->self);
  }
  return a.undefined() || a.is_none() || same(a, b);
}

bool same(const Value& a, const Value& b) {
  if (a.data().index() != b.data().index()) return false;
  if (a.text() != nullptr) return a.text()->bytes == b.text()->bytes && a.text()->markup == b.text()->markup;
  if (a.is_none() || a.missing()) return true;
  if (const bool* boolean = a.get_if<bool>()) return *boolean == *b.get_if<bool>();
  if (const int64_t* integer = a.get_if<int64_t>()) return *integer == *b.get_if<int64_t>();
  if (const double* number = a.get_if<double>()) return *number == *b.get_if<double>();
  if (a.list() != nullptr) return a.list() == b.list();
  if (a.dict() != nullptr) return a.dict() == b.dict();
  if (Object* const* object = a.get_if<Object*>()) return *object == *b.get_if<Object*>();
  if (const auto* function = a.get_if<const Function*>()) return *function == *b.get_if<const Function*>();
  return a.shared<Undefined>() == b.shared<Undefined>() && a.shared<Range>() == b.shared<Range>() &&
         a.shared<View>() == b.shared<View>() && a.shared<Method>() == b.shared<Method>();
}

bool less(const Value& a, const Value& b) { return compare(a, b) == -1; }

bool less_equal(const Value& a, const Value& b) {
  const int order = compare(a, b);
  return order == -1 || order == 0;
}

bool to_integer(const Value& value, int64_t* integer) {
  if (const bool* boolean = value.get_if<bool>()) {
    *integer = *boolean ? 1 : 0;
    return true;
  }
  if (const int64_t* found = value.get_if<int64_t>()) {
    *integer = *found;
    return true;
  }
  return false;
}

bool is_number(const Value& value) {
  return value.get_if<int64_t>() != nullptr || value.get_if<double>() != nullptr || value.get_if<bool>() != nullptr;
}

double to_double(const Value& value) {
  if (const double* number = value.get_if<double>()) return *number;
  int64_t integer = 0;
  to_integer(value, &integer);
  return static_cast<double>(integer);
}

}  // namespace t6::jinja
