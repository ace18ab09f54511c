// Lines of at most a width, as Python's textwrap breaks them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

struct WrapStyle {
  int64_t width = 79;
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

std::vector<std::string> wrap_text(std::string_view text, const WrapStyle& style, Runtime* runtime);

// Python's \w.
bool is_word_character(char32_t point);

}  // namespace t6::jinja
