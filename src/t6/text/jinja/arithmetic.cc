#include "t6/text/jinja/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/text/jinja/escape.h"
#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/percent_format.h"

namespace t6::jinja {
namespace {

std::string_view symbol(Operator op) {
  switch (op) {
    case Operator::add:
      return "+";
    case Operator::subtract:
      return "-";
    case Operator::multiply:
      return "*";
    case Operator::divide:
      return "/";
    case Operator::floor_divide:
      return "//";
    case Operator::modulo:
      return "%";
    default:
      return "**";
  }
}

[[noreturn]] void no_operator(Operator op, const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  fail("no operator {} between a '{}' and a '{}'", symbol(op), type_name(a), type_name(b));
}

void require_fits(bool overflow) { require(!overflow, "an integer that does not fit in 64 bits"); }
void require_divisor(bool nonzero) { require(nonzero, "division by zero"); }

int64_t floor_divide(int64_t a, int64_t b) {
  require_fits(a == INT64_MIN && b == -1);
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t floor_modulo(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double floor_modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest != 0) return (rest < 0) != (b < 0) ? rest + b : rest;
  return std::copysign(0.0, b);
}

double floor_divide(double a, double b) {
  const double rest = floor_modulo(a, b);
  const double quotient = (a - rest) / b;
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : quotient == 0 ? std::copysign(0.0, a / b) : floored;
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    require_divisor(base != 0);
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0) require_fits(__builtin_mul_overflow(result, base, &result));
    exponent >>= 1;
    if (exponent > 0 && base != 0 && base != 1) require_fits(__builtin_mul_overflow(base, base, &base));
  }
  return Value(result);
}

Value of_integers(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::add:
      require_fits(__builtin_add_overflow(a, b, &result));
      return Value(result);
    case Operator::subtract:
      require_fits(__builtin_sub_overflow(a, b, &result));
      return Value(result);
    case Operator::multiply:
      require_fits(__builtin_mul_overflow(a, b, &result));
      return Value(result);
    case Operator::power:
      return power(a, b);
    default:
      break;
  }
  require_divisor(b != 0);
  if (op == Operator::divide) return Value(static_cast<double>(a) / static_cast<double>(b));
  return Value(op == Operator::floor_divide ? floor_divide(a, b) : floor_modulo(a, b));
}

Value of_floats(Operator op, double a, double b) {
  switch (op) {
    case Operator::add:
      return Value(a + b);
    case Operator::subtract:
      return Value(a - b);
    case Operator::multiply:
      return Value(a * b);
    case Operator::power: {
      require_divisor(a != 0 || b >= 0);
      require(a >= 0 || b == std::floor(b), "a complex number");
      const double result = std::pow(a, b);
      require(!std::isinf(result) || std::isinf(a) || std::isinf(b), "a power that is too large for a float");
      return Value(result);
    }
    default:
      break;
  }
  require_divisor(b != 0);
  return Value(op == Operator::divide ? a / b : op == Operator::floor_divide ? floor_divide(a, b) : floor_modulo(a, b));
}

Value add(const Value& a, const Value& b, Runtime* runtime) {
  const Text* x = a.text();
  const Text* y = b.text();
  if (x != nullptr && y != nullptr) {
    runtime->check_text(x->bytes.size() + y->bytes.size());
    if (x->markup == y->markup) return runtime->text(x->bytes + y->bytes, x->markup);
    return runtime->text(escape_unless_markup(*x) + escape_unless_markup(*y), true);
  }
  if (a.list() == nullptr || b.list() == nullptr || a.list()->tuple() != b.list()->tuple()) {
    no_operator(Operator::add, a, b);
  }
  runtime->charge(static_cast<int64_t>(a.list()->items.size() + b.list()->items.size()));
  std::vector<Value> items = a.list()->items;
  items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
  return runtime->list(std::move(items), a.list()->tuple() ? List::Type::tuple : List::Type::list);
}

Value repeat(const Value& value, int64_t count, Runtime* runtime) {
  count = std::max<int64_t>(count, 0);
  if (const Text* text = value.text()) {
    runtime->check_product(static_cast<int64_t>(text->bytes.size()), count);
    runtime->charge_text(text->bytes.size() * static_cast<size_t>(count));
    std::string out;
    if (!text->bytes.empty()) {
      for (int64_t i = 0; i < count; ++i) out += text->bytes;
    }
    return runtime->text(std::move(out), text->markup);
  }
  const List& list = *value.list();
  const auto size = static_cast<int64_t>(list.items.size());
  runtime->check_product(size, count);
  runtime->charge(size * count);
  std::vector<Value> items;
  for (int64_t i = 0; i < count && size > 0; ++i) items.insert(items.end(), list.items.begin(), list.items.end());
  return runtime->list(std::move(items), list.tuple() ? List::Type::tuple : List::Type::list);
}

bool can_repeat(const Value& value) { return value.text() != nullptr || value.list() != nullptr; }

}  // namespace

void require_defined(const Value& value) {
  if (const auto* undefined = value.shared<Undefined>()) fail("{}", undefined->message);
}

Value apply(Operator op, const Value& a, const Value& b, Runtime* runtime) {
  int64_t x = 0;
  int64_t y = 0;
  if (op == Operator::modulo && a.text() != nullptr) return percent_format(*a.text(), b, runtime);
  const bool whole_a = to_integer(a, &x);
  const bool whole_b = to_integer(b, &y);
  if (whole_a && whole_b) return of_integers(op, x, y);
  if (is_number(a) && is_number(b)) return of_floats(op, to_double(a), to_double(b));
  if (op == Operator::multiply && whole_b && can_repeat(a)) return repeat(a, y, runtime);
  if (op == Operator::multiply && whole_a && can_repeat(b)) return repeat(b, x, runtime);
  if (op == Operator::add) return add(a, b, runtime);
  no_operator(op, a, b);
}

Value apply(Operator op, const Value& value) {
  require_defined(value);
  const bool negative = op == Operator::negate;
  int64_t integer = 0;
  if (to_integer(value, &integer)) {
    require_fits(negative && integer == INT64_MIN);
    return Value(negative ? -integer : integer);
  }
  const double* number = value.get_if<double>();
  require(number != nullptr, "no sign for a '{}'", type_name(value));
  return Value(negative ? -*number : *number);
}

bool contains(const Value& container, const Value& item, Runtime* runtime) {
  if (const Text* text = container.text()) {
    require_defined(item);
    require(item.text() != nullptr, "'in <string>' requires a string, not a '{}'", type_name(item));
    runtime->charge(weight_of(container));
    return find_text(text->bytes, item.text()->bytes, 0) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) {
    runtime->charge(weight_of(item));
    return dict->find(item) != nullptr;
  }
  const int64_t weight = weight_of(item);
  const std::unique_ptr<Source> source = runtime->iterate(container);
  for (Value candidate; source->next(&candidate);) {
    runtime->charge(std::min(weight, weight_of(candidate)));
    if (equal(candidate, item)) return true;
  }
  return false;
}

bool compare(Operator op, const Value& a, const Value& b, Runtime* runtime) {
  if (op == Operator::in) return contains(b, a, runtime);
  if (op == Operator::not_in) return !contains(b, a, runtime);
  runtime->charge(std::min(weight_of(a), weight_of(b)));
  switch (op) {
    case Operator::equal:
      return equal(a, b);
    case Operator::not_equal:
      return !equal(a, b);
    case Operator::less:
      return less(a, b);
    case Operator::less_equal:
      return less_equal(a, b);
    case Operator::greater:
      return less(b, a);
    default:
      return less_equal(b, a);
  }
}

Value whole(double number) {
  require(!std::isnan(number) && !std::isinf(number), "no integer is {}", number);
  require(number >= -9223372036854775808.0 && number < 9223372036854775808.0,
          "an integer that does not fit in 64 bits");
  return Value(static_cast<int64_t>(number));
}

}  // namespace t6::jinja
