#include "t6/labelled/labelled_set.h"

#include <algorithm>

#include "t6/core/error.h"

namespace t6 {

LabelledSet::LabelledSet(const LabelledTask& task, const std::string& file, int64_t longest)
    : texts_(task.pairs ? 2 : 1) {
  labelled_format(task.format, file + ": the format")
      .read(file, [&](LabelledDocument&& document, const std::string& place) { add(task, document, place, longest); });
  require(!labels_.empty(), "{}: holds no documents", file);
}

void LabelledSet::add(const LabelledTask& task, const LabelledDocument& document, const std::string& place,
                      int64_t longest) {
  require(std::ssize(document.texts) == texts_, "{}: is {}, wanted {}", place,
          document.texts.size() == 2 ? "a pair of documents" : "one document", texts_ == 2 ? "a pair" : "one");
  labels_.push_back(static_cast<int32_t>(task.label_index(document.label, place)));
  for (const std::string& text : document.texts) {
    std::vector<int32_t> tokens = task.tokens.encode(text);
    require(!tokens.empty(), "{}: the document has no tokens", place);
    if (std::ssize(tokens) > longest) {
      ++cut_;
      tokens.resize(static_cast<size_t>(longest));
    }
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    ends_.push_back(std::ssize(tokens_));
  }
}

std::span<const int32_t> LabelledSet::tokens(int64_t index, int64_t text) const {
  const auto place = static_cast<size_t>(index * texts_ + text);
  const auto begin = static_cast<size_t>(ends_[place]), end = static_cast<size_t>(ends_[place + 1]);
  return std::span(tokens_).subspan(begin, end - begin);
}

int64_t LabelledSet::longest(int64_t index) const {
  int64_t most = 0;
  for (int64_t text = 0; text < texts_; ++text) most = std::max(most, std::ssize(tokens(index, text)));
  return most;
}

}  // namespace t6
