#include "t6/numbers/weight_type.h"

namespace t6 {

std::string_view weight_type_name(WeightType type) {
  constexpr std::string_view kNames[] = {"f32", "bf16", "f16", "q8", "q4"};
  return kNames[static_cast<size_t>(type)];
}

std::optional<WeightType> find_weight_type(std::string_view name) {
  for (const WeightType type : kWeightTypes) {
    if (weight_type_name(type) == name) return type;
  }
  return std::nullopt;
}

}  // namespace t6
