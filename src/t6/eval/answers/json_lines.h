// Files with a JSON object a line, or a list of objects.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "t6/formats/json_object.h"

namespace t6 {

// Calls `add` with the first `limit` objects (0: all), each of which knows its file and line (of a list: its number).
// Blank lines are none. Errors: not such a file, no objects.
void read_json_lines(const std::filesystem::path& path, int64_t limit,
                     const std::function<void(const JsonObject&)>& add);

// A list of texts. Errors: missing, something else.
std::vector<std::string> text_list(const JsonObject& object, const std::string& key);

}  // namespace t6
