// The description of all endpoints, openapi.json: a part of the program.
#pragma once

#include <string_view>

namespace t6 {

std::string_view openapi_text();

}  // namespace t6
