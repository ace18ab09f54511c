#include "t6/text/jinja/tests.h"

#include <algorithm>
#include <iterator>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/filters.h"
#include "t6/text/jinja/objects.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/text_predicates.h"

namespace t6::jinja {
namespace {

struct Call {
  std::string_view name;
  const Value& value;
  const CallArguments& arguments;
  Runtime* runtime;
};

bool is_sequence(const Value& value) {
  return value.text() != nullptr || value.list() != nullptr || value.dict() != nullptr || value.undefined() ||
         value.shared<Range>() != nullptr;
}
bool is_iterable(const Value& value) {
  return is_sequence(value) || value.shared<View>() != nullptr || value.object<Iterator>() != nullptr ||
         value.object<Loop>() != nullptr;
}
bool is_callable(const Value& value) {
  return value.undefined() || value.shared<Method>() != nullptr || value.get_if<const Function*>() != nullptr ||
         value.object<Macro>() != nullptr || value.object<Loop>() != nullptr || value.object<Joiner>() != nullptr;
}

bool is_boolean(const Value& value, bool wanted) {
  const bool* boolean = value.get_if<bool>();
  return boolean != nullptr && *boolean == wanted;
}

// Tests of a value's type alone.
struct TypeTest {
  std::string_view name;
  bool (*holds)(const Value& value);
};
constexpr TypeTest kTypeTests[] = {
    {"defined", [](const Value& value) { return !value.undefined(); }},
    {"undefined", [](const Value& value) { return value.undefined(); }},
    {"none", [](const Value& value) { return value.is_none(); }},
    {"boolean", [](const Value& value) { return value.get_if<bool>() != nullptr; }},
    {"true", [](const Value& value) { return is_boolean(value, true); }},
    {"false", [](const Value& value) { return is_boolean(value, false); }},
    {"integer", [](const Value& value) { return value.get_if<int64_t>() != nullptr; }},
    {"float", [](const Value& value) { return value.get_if<double>() != nullptr; }},
    {"number", is_number},
    {"string", [](const Value& value) { return value.text() != nullptr; }},
    {"mapping", [](const Value& value) { return value.dict() != nullptr; }},
    {"sequence", is_sequence},
    {"iterable", is_iterable},
    {"callable", is_callable},
    {"escaped", [](const Value& value) { return value.text() != nullptr && value.text()->markup; }}};

bool has_case(const Call& call) {
  const Parameters none(call.name, call.arguments, {});
  const std::string text = str(call.value, call.runtime);
  return text_predicate(call.name == "upper" ? "isupper" : "islower", text);
}

bool has_remainder(const Call& call, const Value& divisor, int64_t wanted) {
  return equal(apply(Operator::modulo, call.value, divisor, call.runtime), Value(wanted));
}
bool is_odd(const Call& call) {
  const Parameters none(call.name, call.arguments, {});
  return has_remainder(call, Value(int64_t{2}), call.name == "odd" ? 1 : 0);
}
bool is_divisible(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"num"}, 1);
  return has_remainder(call, parameters.at(0), 0);
}

bool is_same(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"other"}, 1);
  return same(call.value, parameters.at(0));
}
bool is_in(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"seq"}, 1);
  return contains(parameters.at(0), call.value, call.runtime);
}
bool is_name(const Call& call) {
  const Parameters none(call.name, call.arguments, {});
  hash(call.value);  // fails for lists, as Python does
  const Text* text = call.value.text();
  return text != nullptr && (call.name == "filter" ? is_filter(text->bytes) : is_test(text->bytes));
}

template <Operator op>
bool compares(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  return compare(op, call.value, parameters.at(0), call.runtime);
}

struct NamedTest {
  std::string_view name;
  bool (*holds)(const Call& call);
};
constexpr NamedTest kTests[] = {{"upper", has_case},
                                {"lower", has_case},
                                {"odd", is_odd},
                                {"even", is_odd},
                                {"divisibleby", is_divisible},
                                {"sameas", is_same},
                                {"in", is_in},
                                {"filter", is_name},
                                {"test", is_name},
                                {"eq", compares<Operator::equal>},
                                {"equalto", compares<Operator::equal>},
                                {"==", compares<Operator::equal>},
                                {"ne", compares<Operator::not_equal>},
                                {"!=", compares<Operator::not_equal>},
                                {"gt", compares<Operator::greater>},
                                {"greaterthan", compares<Operator::greater>},
                                {">", compares<Operator::greater>},
                                {"ge", compares<Operator::greater_equal>},
                                {">=", compares<Operator::greater_equal>},
                                {"lt", compares<Operator::less>},
                                {"lessthan", compares<Operator::less>},
                                {"<", compares<Operator::less>},
                                {"le", compares<Operator::less_equal>},
                                {"<=", compares<Operator::less_equal>}};

template <typename Test, size_t N>
const Test* find_test(const Test (&tests)[N], std::string_view name) {
  const Test* found =
      std::find_if(std::begin(tests), std::end(tests), [&](const Test& test) { return test.name == name; });
  return found == std::end(tests) ? nullptr : found;
}

}  // namespace

bool is_test(std::string_view name) {
  return find_test(kTypeTests, name) != nullptr || find_test(kTests, name) != nullptr;
}

bool call_test(std::string_view name, const Value& value, const CallArguments& arguments, Runtime* runtime) {
  if (const TypeTest* test = find_test(kTypeTests, name)) {
    const Parameters none(name, arguments, {});
    return test->holds(value);
  }
  const NamedTest* test = find_test(kTests, name);
  require(test != nullptr, "no test named '{}'", name);
  return test->holds({name, value, arguments, runtime});
}

}  // namespace t6::jinja
