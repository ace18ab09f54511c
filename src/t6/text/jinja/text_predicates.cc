#include "t6/text/jinja/text_predicates.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

using Points = std::vector<char32_t>;

bool is_alphanumeric(char32_t point) { return is_alphabetic(point) || is_numeric(point) || is_digit(point); }
bool is_ascii(char32_t point) { return point < 0x80; }

// Some characters have a case, and all that have one have this.
bool all_cased(const Points& points, bool upper) {
  const auto wanted = [&](char32_t point) { return upper ? is_upper(point) : is_lower(point); };
  const auto other = [&](char32_t point) { return is_title(point) || (upper ? is_lower(point) : is_upper(point)); };
  return std::any_of(points.begin(), points.end(), wanted) && std::none_of(points.begin(), points.end(), other);
}

bool is_titled(const Points& points) {
  bool inside = false;
  bool any = false;
  for (const char32_t point : points) {
    const bool begins = is_upper(point) || is_title(point);
    if (begins ? inside : is_lower(point) && !inside) return false;
    inside = begins || is_lower(point);
    any = any || inside;
  }
  return any;
}

bool is_identifier(const Points& points) {
  const auto part = [](char32_t point) { return point == '_' || is_alphabetic(point) || is_decimal(point); };
  return !points.empty() && !is_decimal(points[0]) && std::all_of(points.begin(), points.end(), part);
}

struct Predicate {
  std::string_view name;
  bool (*of)(char32_t point);
  bool of_nothing;
};
constexpr Predicate kPredicates[] = {{"isalnum", is_alphanumeric, false}, {"isalpha", is_alphabetic, false},
                                     {"isascii", is_ascii, true},         {"isdecimal", is_decimal, false},
                                     {"isdigit", is_digit, false},        {"isnumeric", is_numeric, false},
                                     {"isprintable", is_printable, true}, {"isspace", is_space, false}};

}  // namespace

bool text_predicate(std::string_view name, std::string_view text) {
  const Points points = code_points(text);
  if (name == "isupper") return all_cased(points, true);
  if (name == "islower") return all_cased(points, false);
  if (name == "istitle") return is_titled(points);
  if (name == "isidentifier") return is_identifier(points);
  const auto* found = std::find_if(std::begin(kPredicates), std::end(kPredicates),
                                   [&](const Predicate& predicate) { return predicate.name == name; });
  if (found == std::end(kPredicates)) return false;
  return points.empty() ? found->of_nothing : std::all_of(points.begin(), points.end(), found->of);
}

}  // namespace t6::jinja
