#include "t6/text/tokenizer/spelling.h"

#include <fmt/format.h>

#include <charconv>

#include "t6/text/tokenizer/byte_level.h"

namespace t6 {
namespace {

std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

std::string with_spaces(std::string_view text) {
  std::string out(text);
  for (size_t at = out.find(kSpaceMark); at != std::string::npos; at = out.find(kSpaceMark, at + 1)) {
    out.replace(at, kSpaceMark.size(), " ");
  }
  return out;
}

}  // namespace

std::string decoded_bytes(Spelling spelling, std::string_view token) {
  if (spelling == Spelling::byte_level) return byte_level_bytes(token).value_or(std::string(token));
  if (const auto byte = byte_of(token)) return {*byte};
  return with_spaces(token);
}

std::string byte_token(int byte) { return fmt::format("<0x{:02X}>", byte); }

}  // namespace t6
