// Methods of Python's types, and the operations on text that filters share with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

Value call_method(const Method& method, const CallArguments& arguments, Runtime* runtime);
Value call_text_method(const Method& method, const CallArguments& arguments, Runtime* runtime);

// Python's str.strip, lstrip and rstrip; of white space without `characters`.
std::string_view strip(std::string_view text, bool left, bool right, std::optional<std::string_view> characters = {});
// Python's str.splitlines(keepends).
std::vector<std::string> split_lines(std::string_view text, bool keep_ends, Runtime* runtime);
std::string replace(std::string_view text, std::string_view old_part, std::string_view new_part, int64_t count,
                    Runtime* runtime);
std::string center(std::string_view text, int64_t width, std::string_view fill, Runtime* runtime);
// Python's str.split and rsplit; at white space without `separator`. count < 0: no limit.
std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator, int64_t count,
                               Runtime* runtime);
std::vector<std::string> split_from_right(std::string_view text, std::optional<std::string_view> separator,
                                          int64_t count, Runtime* runtime);

}  // namespace t6::jinja
