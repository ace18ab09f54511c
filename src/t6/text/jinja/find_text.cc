#include "t6/text/jinja/find_text.h"

#include <cstring>

namespace t6::jinja {

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t find_last(std::string_view text, std::string_view part) {
  if (part.empty()) return text.size();
  const std::string reversed(text.rbegin(), text.rend());
  const size_t found = find_text(reversed, std::string(part.rbegin(), part.rend()), 0);
  return found == std::string::npos ? found : text.size() - found - part.size();
}

}  // namespace t6::jinja
