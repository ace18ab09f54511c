#include "t6/cli/serving/weight_words.h"

#include "t6/core/error.h"
#include "t6/core/units.h"

namespace t6 {

std::string weight_words(const WeightSizes& sizes) {
  std::string text;
  for (const auto& [type, numbers] : sizes.numbers) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_count(static_cast<double>(numbers)),
                        weight_type_name(type));
  }
  return text;
}

}  // namespace t6
