// Filters for numbers, and those that take any value.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/attributes.h"
#include "t6/text/jinja/filter_call.h"
#include "t6/text/jinja/number_text.h"
#include "t6/text/jinja/object_attributes.h"
#include "t6/text/jinja/print.h"

namespace t6::jinja {
namespace {

Value do_abs(const FilterCall& call) {
  call.parameters({});
  int64_t integer = 0;
  if (to_integer(call.value, &integer)) return integer < 0 ? apply(Operator::negate, Value(integer)) : Value(integer);
  const double* number = call.value.get_if<double>();
  require(number != nullptr, "no absolute value of a '{}'", type_name(call.value));
  return Value(std::fabs(*number));
}

// Halves go to the even neighbour, as the digits of the exact value say.
double rounded(double number, int64_t places) {
  if (!std::isfinite(number) || places > 400) return number;
  if (places < -400) return std::copysign(0.0, number);
  if (places >= 0) {
    return std::copysign(std::strtod(float_digits(number, 'f', static_cast<int>(places), false).c_str(), nullptr),
                         number);
  }
  const double unit = std::pow(10.0, static_cast<double>(-places));
  return std::nearbyint(number / unit) * unit;
}

Value round_integer(int64_t integer, int64_t places) {
  if (places >= 0) return Value(integer);
  if (places < -18) return Value(int64_t{0});
  int64_t unit = 1;
  for (int64_t i = places; i < 0; ++i) unit *= 10;
  const Value floor = apply(Operator::floor_divide, Value(integer), Value(unit), nullptr);
  int64_t quotient = *floor.get_if<int64_t>();
  const int64_t rest = integer - quotient * unit;
  if (rest > unit - rest || (rest == unit - rest && quotient % 2 != 0)) ++quotient;
  return apply(Operator::multiply, Value(quotient), Value(unit), nullptr);
}

Value do_round(const FilterCall& call) {
  const Parameters parameters = call.parameters({"precision", "method"});
  const int64_t places = parameters.integer(0, 0);
  const std::string method = parameters.text(1, "common");
  require(method == "common" || method == "ceil" || method == "floor", "method must be common, ceil or floor");
  require_defined(call.value);
  require(is_number(call.value), "a '{}' cannot be rounded", type_name(call.value));
  int64_t integer = 0;
  const bool whole_number = to_integer(call.value, &integer);
  if (method == "common") {
    return whole_number ? round_integer(integer, places) : Value(rounded(to_double(call.value), places));
  }
  const Value factor = apply(Operator::power, Value(int64_t{10}), Value(places), call.runtime);
  const Value scaled = apply(Operator::multiply, call.value, factor, call.runtime);
  const Value cut = to_integer(scaled, &integer)
                        ? Value(integer)
                        : whole(method == "ceil" ? std::ceil(to_double(scaled)) : std::floor(to_double(scaled)));
  return apply(Operator::divide, cut, factor, call.runtime);
}

Value do_int(const FilterCall& call) {
  const Parameters parameters = call.parameters({"default", "base"});
  const Value fallback = parameters.find(0) != nullptr ? parameters.at(0) : Value(int64_t{0});
  require_defined(call.value);
  int64_t integer = 0;
  if (to_integer(call.value, &integer)) return Value(integer);
  if (const double* number = call.value.get_if<double>())
    return std::isnan(*number) ? fallback : whole(std::trunc(*number));
  const Text* text = call.value.text();
  if (text == nullptr) return fallback;
  int64_t base = 10;
  const bool valid = parameters.find(1) == nullptr || to_integer(parameters.at(1), &base);
  const bool usable = valid && (base == 0 || (base >= 2 && base <= 36));
  if (usable && parse_integer(text->bytes, static_cast<int>(base), &integer)) return Value(integer);
  double number = 0;
  if (!parse_float(text->bytes, &number) || !std::isfinite(number)) return fallback;
  return whole(std::trunc(number));
}

Value do_float(const FilterCall& call) {
  const Parameters parameters = call.parameters({"default"});
  require_defined(call.value);
  if (is_number(call.value)) return Value(to_double(call.value));
  double number = 0;
  if (call.value.text() != nullptr && parse_float(call.value.text()->bytes, &number)) return Value(number);
  return parameters.find(0) != nullptr ? parameters.at(0) : Value(0.0);
}

Value do_filesizeformat(const FilterCall& call) {
  const Parameters parameters = call.parameters({"binary"});
  require_defined(call.value);
  double bytes = to_double(call.value);
  require(is_number(call.value) || (call.value.text() != nullptr && parse_float(call.value.text()->bytes, &bytes)),
          "no size: a '{}'", type_name(call.value));
  const bool binary = parameters.boolean(0, false);
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return call.runtime->text("1 Byte");
  if (bytes < base) {
    const Value count = whole(std::trunc(bytes));
    return call.runtime->text(repr(count, call.runtime) + " Bytes");
  }
  static constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  size_t prefix = 0;
  for (; prefix < kPrefixes.size(); ++prefix) {
    unit *= base;
    if (bytes < unit || prefix + 1 == kPrefixes.size()) break;
  }
  const char letter = binary && prefix == 0 ? 'K' : kPrefixes[prefix];
  return call.runtime->text(
      fmt::format("{} {}{}", float_digits(base * bytes / unit, 'f', 1, false), letter, binary ? "iB" : "B"));
}

Value do_default(const FilterCall& call) {
  const Parameters parameters = call.parameters({"default_value", "boolean"});
  const bool replaced = call.value.undefined() || (parameters.boolean(1, false) && !truth(call.value));
  if (!replaced) return call.value;
  return parameters.find(0) != nullptr ? parameters.at(0) : call.runtime->text("");
}

Value do_attr(const FilterCall& call) {
  const Parameters parameters = call.parameters({"name"}, 1);
  require_defined(call.value);
  const std::string name = parameters.text(0, "");
  const bool object = call.value.get_if<Object*>() != nullptr;
  const bool there =
      object ? !object_attribute(call.value, name, call.runtime).missing() : has_attribute(call.value, name);
  if (there) return get_attribute(call.value, name, call.runtime);
  return call.runtime->undefined(fmt::format("'{} object' has no attribute {}", type_name(call.value), repr(name)));
}

constexpr NamedFilter kNumberFilters[] = {
    {"abs", do_abs},         {"round", do_round}, {"int", do_int},   {"float", do_float},
    {"default", do_default}, {"d", do_default},   {"attr", do_attr}, {"filesizeformat", do_filesizeformat}};

}  // namespace

FilterTable number_filters() { return {std::begin(kNumberFilters), std::end(kNumberFilters)}; }

}  // namespace t6::jinja
