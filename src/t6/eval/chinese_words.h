// Chinese texts cut into words as the Python package jieba (0.42.1) cuts them: what LongBench's Chinese metrics
// compare.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "t6/eval/chinese/character_model.h"
#include "t6/eval/chinese/word_list.h"

namespace t6 {

class ChineseWords {
 public:
  // Reads dict.txt and model.json in `folder`, which scripts/fetch_chinese_words.sh makes of the package. Errors: they
  // are not there, which names that command; what WordList and CharacterModel refuse.
  explicit ChineseWords(const std::filesystem::path& folder);

  // What jieba.cut(text) gives: slices of `text` (valid UTF-8) that follow each other without a gap.
  std::vector<std::string_view> cut(std::string_view text) const;

 private:
  void cut_run(std::string_view run, std::vector<std::string_view>& words) const;
  void cut_unknown(std::string_view text, std::vector<std::string_view>& words) const;

  WordList list_;
  CharacterModel model_;
};

}  // namespace t6
