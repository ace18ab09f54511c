// TOML files as the Json values that the rest of the house reads and checks.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "t6/formats/json_object.h"

namespace t6 {

// Errors: not TOML (with the line), or a date or time, which no configuration of ours holds.
Json parse_toml(std::string_view text, const std::string& source);

// A file and what it extends: its key `extends` names another file, beside it, whose tables it adds to and whose values
// it replaces. Errors: those of parse_toml, and files that extend each other in a circle.
Json read_toml(const std::filesystem::path& path);

// One value: "0.001", "true", "[1, 2]", "\"text\"". A text that is no TOML value is that string, so that a shell's
// user need not quote twice.
Json parse_toml_value(const std::string& text);

// An object as TOML: plain values first, then a table for each object in it, whose objects are inline tables. Reading
// it again gives the same values. Error: a null, or something else that TOML does not have.
std::string to_toml(const Json& object);

}  // namespace t6
