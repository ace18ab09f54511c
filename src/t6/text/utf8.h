// UTF-8 as bytes of unknown origin: is it valid, and what stands for the parts that are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace t6 {

// One step through `text` at `position` (below text.size()): the length of the sequence that starts there and whether
// it is a whole code point. A broken sequence is as long as Unicode's "maximal subpart" (section 3.9), so that Python,
// Rust and we put the same number of U+FFFD in its place.
struct Utf8Step {
  size_t length;
  bool valid;
};
Utf8Step utf8_step(std::string_view text, size_t position);

bool is_valid_utf8(std::string_view text);

// Appends `text` to `out`, U+FFFD in place of every broken sequence.
void append_valid_utf8(std::string_view text, std::string& out);

// The length of a sequence at the end of `text` (0 to 3 bytes) that more bytes could still complete.
size_t incomplete_utf8_tail(std::string_view text);

// The code point of the whole sequence that `text` begins with.
char32_t decode_utf8(std::string_view text);
void append_utf8(char32_t code_point, std::string& out);

}  // namespace t6
