// The methods of lists, dicts and other types.
#include "t6/text/jinja/methods.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/object_attributes.h"

namespace t6::jinja {
namespace {

Value count_or_index(const Method& method, const CallArguments& arguments, Runtime* runtime) {
  const bool counts = method.name == "count";
  const bool list = method.self.list() != nullptr;
  const Parameters parameters = counts || !list ? Parameters(method.name, arguments, {""}, 1)
                                                : Parameters(method.name, arguments, {"", "", ""}, 1);
  const std::vector<Value> items = runtime->collect(method.self);
  const auto size = static_cast<int64_t>(items.size());
  const auto bound = [&](size_t i, int64_t fallback) {
    if (counts || !list) return fallback;
    const int64_t index = parameters.integer(i, fallback);
    return std::clamp(index < 0 ? index + size : index, int64_t{0}, size);
  };
  int64_t count = 0;
  const int64_t end = bound(2, size);
  for (int64_t i = bound(1, 0); i < end; ++i) {
    const Value& item = items[static_cast<size_t>(i)];
    runtime->charge(std::min(weight_of(item), weight_of(parameters.at(0))));
    if (!equal(item, parameters.at(0))) continue;
    if (!counts) return Value(i);
    ++count;
  }
  require(counts, "{} is not in list", type_name(parameters.at(0)));
  return Value(count);
}

Value call_dict_method(const Method& method, const CallArguments& arguments, Runtime* runtime) {
  const auto dict = std::get<std::shared_ptr<const Dict>>(method.self.data());
  if (method.name == "get") {
    const Parameters parameters(method.name, arguments, {"", ""}, 1);
    runtime->charge(weight_of(parameters.at(0)));
    const Value* found = dict->find(parameters.at(0));
    return found != nullptr ? *found : parameters.find(1) != nullptr ? parameters.at(1) : Value::none();
  }
  if (method.name == "fromkeys") {
    const Parameters parameters(method.name, arguments, {"", ""}, 1);
    Dict made;
    for (const Value& key : runtime->collect(parameters.at(0))) {
      runtime->set(&made, key, parameters.find(1) != nullptr ? parameters.at(1) : Value::none());
    }
    return runtime->dict(std::move(made));
  }
  const Parameters none(method.name, arguments, {});
  if (method.name == "copy") return method.self;
  const View::Part part = method.name == "keys"     ? View::Part::keys
                          : method.name == "values" ? View::Part::values
                                                    : View::Part::items;
  return Value(std::make_shared<const View>(View{part, dict}));
}

Value is_disjoint(const Method& method, const CallArguments& arguments, Runtime* runtime) {
  const Parameters parameters(method.name, arguments, {""}, 1);
  for (const Value& item : runtime->collect(parameters.at(0))) {
    if (contains(method.self, item, runtime)) return Value(false);
  }
  return Value(true);
}

Value call_number_method(const Method& method, const CallArguments& arguments) {
  const Parameters none(method.name, arguments, {});
  int64_t integer = 0;
  const bool whole_number = to_integer(method.self, &integer);
  const auto bits = static_cast<uint64_t>(integer);
  const uint64_t magnitude = integer < 0 ? 0 - bits : bits;
  if (method.name == "is_integer") return Value(to_double(method.self) == std::floor(to_double(method.self)));
  if (method.name == "bit_length") return Value(static_cast<int64_t>(std::bit_width(magnitude)));
  if (method.name == "bit_count") return Value(int64_t{std::popcount(magnitude)});
  require(method.name == "conjugate", "the method {} of numbers is not supported", method.name);
  return whole_number ? Value(integer) : method.self;
}

}  // namespace

Value call_method(const Method& method, const CallArguments& arguments, Runtime* runtime) {
  const Value& self = method.self;
  if (self.text() != nullptr) return call_text_method(method, arguments, runtime);
  if (self.dict() != nullptr) return call_dict_method(method, arguments, runtime);
  if (self.get_if<Object*>() != nullptr) return call_object_method(method, arguments, runtime);
  if (self.shared<View>() != nullptr) return is_disjoint(method, arguments, runtime);
  if (is_number(self)) return call_number_method(method, arguments);
  if (method.name != "copy") return count_or_index(method, arguments, runtime);
  const Parameters none(method.name, arguments, {});
  return runtime->list(self.list()->items);
}

}  // namespace t6::jinja
