#include "t6/text/utf8.h"

#include <algorithm>
#include <cstring>

namespace t6 {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Lead {
  int length;                 // of the sequence; 0: no sequence starts with this byte
  unsigned char first, last;  // what the second byte may be (Unicode table 3-7)
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0) {
    // E0 would be overlong below A0; ED beyond 9F would be a surrogate.
    return {3, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte < 0xF5) {
    // F0 would be overlong below 90; F4 beyond 8F is above U+10FFFF.
    return {4, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0};
}

// How many bytes at `position` are the beginning of a sequence, and how long that sequence would be.
struct Progress {
  size_t seen, wanted;
};

Progress progress_at(std::string_view text, size_t position) {
  const auto byte = [&](size_t index) { return static_cast<unsigned char>(text[index]); };
  const Lead lead = lead_of(byte(position));
  if (lead.length == 0) return {0, 0};
  size_t seen = 1;
  while (seen < static_cast<size_t>(lead.length) && position + seen < text.size()) {
    const unsigned char next = byte(position + seen);
    const bool fits = seen == 1 ? next >= lead.first && next <= lead.last : next >= 0x80 && next <= 0xBF;
    if (!fits) break;
    ++seen;
  }
  return {seen, static_cast<size_t>(lead.length)};
}

// The length of the run of ASCII at `position`, eight bytes at a time.
size_t ascii_run(std::string_view text, size_t position) {
  size_t end = position;
  for (uint64_t chunk; end + sizeof chunk <= text.size(); end += sizeof chunk) {
    std::memcpy(&chunk, text.data() + end, sizeof chunk);
    if (chunk & 0x8080808080808080u) break;
  }
  while (end < text.size() && static_cast<unsigned char>(text[end]) < 0x80) ++end;
  return end - position;
}

// The end of the valid text that starts at `position`.
size_t valid_end(std::string_view text, size_t position) {
  while (position < text.size()) {
    position += ascii_run(text, position);
    if (position == text.size()) break;
    const Utf8Step step = utf8_step(text, position);
    if (!step.valid) break;
    position += step.length;
  }
  return position;
}

}  // namespace

Utf8Step utf8_step(std::string_view text, size_t position) {
  const Progress progress = progress_at(text, position);
  return {std::max<size_t>(progress.seen, 1), progress.seen > 0 && progress.seen == progress.wanted};
}

bool is_valid_utf8(std::string_view text) { return valid_end(text, 0) == text.size(); }

void append_valid_utf8(std::string_view text, std::string& out) {
  for (size_t position = 0; position < text.size();) {
    const size_t end = valid_end(text, position);
    out.append(text.substr(position, end - position));
    if (end == text.size()) break;
    out.append(kReplacement);
    position = end + utf8_step(text, end).length;
  }
}

size_t incomplete_utf8_tail(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(3, text.size()); ++length) {
    const Progress progress = progress_at(text, text.size() - length);
    if (progress.seen == length && progress.wanted > length) return length;
  }
  return 0;
}

char32_t decode_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = utf8_step(text, 0).length;
  char32_t code_point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) code_point = code_point << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  return code_point;
}

void append_utf8(char32_t code_point, std::string& out) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

}  // namespace t6
