#include "t6/numbers/number_type.h"

namespace t6 {
namespace {

constexpr bool is_in_order() {
  for (size_t i = 0; i < kNumberTypes.size(); ++i) {
    if (kNumberTypes[i].type != static_cast<NumberType>(i)) return false;
  }
  return true;
}
static_assert(is_in_order());

}  // namespace

std::optional<NumberType> find_number_type(std::string_view name, std::span<const NumberType> types) {
  for (const NumberType type : types) {
    if (number_type_name(type) == name) return type;
  }
  return std::nullopt;
}

std::string number_type_names(std::span<const NumberType> types) {
  std::string list;
  for (const NumberType type : types) list.append(list.empty() ? "" : ", ").append(number_type_name(type));
  return list;
}

}  // namespace t6
