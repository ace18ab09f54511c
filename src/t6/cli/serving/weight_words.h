// What a model's weights are stored as, in words.
#pragma once

#include <string>

#include "t6/import/quantize_model.h"

namespace t6 {

std::string weight_words(const WeightSizes& sizes);  // "35.3 K f32, 134 M q4"

}  // namespace t6
