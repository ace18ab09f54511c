#include "t6/cli/serving/show_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "t6/text/utf8.h"

namespace t6 {
namespace {

bool is_control(char32_t character) {
  if (character == '\n' || character == '\t') return false;
  return character < ' ' || (character >= 0x7f && character < 0xa0);
}

std::string without_controls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text, 0);
    const bool shown = step.valid && !is_control(decode_utf8(text));
    out += shown ? text.substr(0, step.length) : "\uFFFD";
    text.remove_prefix(step.length);
  }
  return out;
}

}  // namespace

void show_text(std::string_view text) {
  static const bool is_terminal = ::isatty(STDOUT_FILENO) != 0;
  if (is_terminal) {
    fmt::print("{}", without_controls(text));
  } else {
    fmt::print("{}", text);
  }
  std::fflush(stdout);
}

}  // namespace t6
