#include "t6/numbers/weight_type.h"

#include <iterator>

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr std::string_view kNames[] = {"f32", "bf16", "f16", "q8", "q4"};  // of kWeightTypes
static_assert(std::size(kNames) == std::size(kWeightTypes));

}  // namespace

void require_weight_type(NumberType type) {
  require(is_weight_type(type), "weights cannot be {}; wanted {}", number_type_name(type),
          number_type_names(kWeightTypes));
}

void require_matrix_type(NumberType type) {
  require(is_matrix_type(type), "weights cannot be {}; wanted {} or {}", number_type_name(type),
          number_type_names(kWeightTypes), number_type_names(kSuperBlockTypes));
}

std::string_view weight_type_name(NumberType type) {
  require_weight_type(type);
  size_t i = 0;
  while (kWeightTypes[i] != type) ++i;
  return kNames[i];
}

std::optional<NumberType> find_weight_type(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return kWeightTypes[i];
  }
  return std::nullopt;
}

}  // namespace t6
