// JSON as values.
#pragma once

#include <nlohmann/json.hpp>

#include "t6/text/jinja/value.h"

namespace t6::jinja {

// Error: nested too deep, an integer of more than 64 bits, binary data.
Value from_json(const nlohmann::ordered_json& json);

}  // namespace t6::jinja
