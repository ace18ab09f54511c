#include "t6/text/document_tokens.h"

#include <string>
#include <utility>

namespace t6 {

std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, const std::vector<std::filesystem::path>& inputs,
                                     const DocumentOptions& options, int64_t limit) {
  DocumentReader reader(find_documents(inputs), options);
  const auto end_of_text = tokenizer.end_of_text();
  const auto enough = [&](size_t count) { return limit > 0 && static_cast<int64_t>(count) >= limit; };
  std::vector<int32_t> tokens;
  std::string text;
  bool first = true;
  for (DocumentPart part; !enough(tokens.size()) && reader.next(part);) {
    const bool last = part.last;
    text += reader.text(std::move(part));
    if (!last) continue;
    if (!std::exchange(first, false) && end_of_text) tokens.push_back(*end_of_text);
    const std::vector<int32_t> more = tokenizer.encode_whole(text);
    tokens.insert(tokens.end(), more.begin(), more.end());
    text.clear();
  }
  if (enough(tokens.size())) tokens.resize(static_cast<size_t>(limit));
  return tokens;
}

}  // namespace t6
