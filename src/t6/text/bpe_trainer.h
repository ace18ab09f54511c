// Learns a byte-level BPE vocabulary: counts the words of a text, then merges the most frequent pair again and again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "t6/formats/json_object.h"
#include "t6/text/tokenizer/added_tokens.h"
#include "t6/text/tokenizer/normalizer.h"
#include "t6/text/tokenizer/pre_tokenizer.h"
#include "t6/text/tokenizer/tokenizer_json.h"

namespace t6 {

class BytePairTrainer {
 public:
  static constexpr int64_t kSmallestVocabulary = 257;  // the bytes and <|endoftext|>

  // `family` names how to prepare text (text_preparation).
  explicit BytePairTrainer(const std::string& family);

  // Counts the words of `text`. Bytes that are not UTF-8 count as U+FFFD; <|endoftext|> separates texts.
  void add(std::string_view text);
  int64_t distinct_words() const { return static_cast<int64_t>(counts_.size()); }

  // Called after each merge with the tokens learned and wanted; may throw to end the training.
  using Progress = std::function<void(int64_t done, int64_t total)>;

  // The tokenizer.json, in which <|endoftext|> has the id 0 and the bytes 1 to 256. It has fewer than `vocab_size`
  // tokens if every word has become one. The same words give the same file, whatever their order: of two pairs that are
  // equally frequent, the one with smaller ids is merged first. Error: vocab_size below kSmallestVocabulary.
  Json train(int64_t vocab_size, const Progress& progress) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  void count(std::string_view text);

  TextPreparation preparation_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  AddedTokenFinder end_of_text_;
  Pattern::Scratch scratch_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> counts_;
};

}  // namespace t6
