#include "t6/text/control_tokens.h"

#include <algorithm>

#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr std::string_view kMark = "\xEF\xB7\x90";  // U+FDD0

}  // namespace

ControlTokens::ControlTokens(const Tokenizer& tokenizer) {
  for (int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (!tokenizer.is_special(static_cast<int32_t>(id))) continue;
    names_.emplace_back(tokenizer.token(static_cast<int32_t>(id)));
  }
}

std::string ControlTokens::marked(std::string_view text) const {
  const std::string plain = without_marks(text);
  std::string out;
  for (std::string_view rest = plain; !rest.empty();) {
    const size_t step = utf8_step(rest, 0).length;
    const bool begins = std::ranges::any_of(
        names_, [&](const std::string& name) { return name.size() > step && rest.starts_with(name); });
    out += rest.substr(0, step);
    if (begins) out += kMark;
    rest.remove_prefix(step);
  }
  return out;
}

std::string without_marks(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(kMark, at), text.size());
    out += text.substr(at, end - at);
    at = end + kMark.size();
  }
  return out;
}

void encode_marked(const Tokenizer& tokenizer, std::string_view text, size_t from, std::vector<int32_t>& ids) {
  size_t begin = 0;  // of a piece, without marks
  while (!text.empty()) {
    const size_t end = std::min(text.find(kMark), text.size());
    std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + kMark.size(), text.size()));
    piece.remove_prefix(std::min(from > begin ? from - begin : 0, piece.size()));
    if (begin == 0 && from == 0) {
      const std::vector<int32_t> first = tokenizer.encode(piece);
      ids.insert(ids.end(), first.begin(), first.end());
    } else if (!piece.empty()) {
      tokenizer.encode_further(piece, ids);
    }
    begin += end;
  }
}

}  // namespace t6
