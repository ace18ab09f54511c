// HTML escapes, as markupsafe makes them.
#pragma once

#include <string>
#include <string_view>

#include "t6/text/jinja/value.h"

namespace t6::jinja {

std::string escape_html(std::string_view text);
// What joins markup: markup as it is, other text escaped.
std::string escape_unless_markup(const Text& text);
// The text without tags and comments, white space collapsed, entities replaced.
std::string strip_tags(std::string_view html);

}  // namespace t6::jinja
