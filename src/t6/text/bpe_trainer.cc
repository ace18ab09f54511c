#include "t6/text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/byte_level.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr int32_t kEndOfTextId = 0;

// The state of one training.
class Learner {
 public:
  Learner() {
    tokens_.push_back(kEndOfTextName);
    // The bytes in the order of their characters, as Hugging Face's trainer has them.
    std::vector<std::pair<char32_t, int>> characters;
    for (int byte = 0; byte < 256; ++byte) {
      characters.emplace_back(byte_level_character(static_cast<unsigned char>(byte)), byte);
    }
    std::sort(characters.begin(), characters.end());
    for (const auto& [character, byte] : characters) {
      byte_tokens_[static_cast<size_t>(byte)] = static_cast<int32_t>(tokens_.size());
      tokens_.push_back(byte_level_spelling(std::string(1, static_cast<char>(byte))));
    }
    for (size_t id = 0; id < tokens_.size(); ++id) ids_[tokens_[id]] = static_cast<int32_t>(id);
  }

  void add_word(std::string_view bytes, int64_t count) {
    const auto word = static_cast<uint32_t>(words_.size());
    words_.push_back({symbols_.size(), bytes.size(), count});
    for (const char byte : bytes) symbols_.push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
    for (size_t i = 0; i + 1 < bytes.size(); ++i) gain({at(word, i), at(word, i + 1)}, word);
  }

  // Merges until there are `wanted` tokens or no pair is left.
  void learn(size_t wanted, const BytePairTrainer::Progress& progress) {
    queue_new_pairs();
    const auto first = static_cast<int64_t>(tokens_.size());
    while (tokens_.size() < wanted && !queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const auto occurrences = pairs_.find(best.pair);
      if (occurrences == pairs_.end() || occurrences->second.count <= 0) continue;
      if (occurrences->second.count != best.count) {  // Merges of its neighbours have changed it: back into the queue.
        queue_.push({occurrences->second.count, best.pair});
        continue;
      }
      const std::vector<uint32_t> words = std::move(occurrences->second.words);
      pairs_.erase(occurrences);
      const int32_t merged = merged_token(best.pair);
      for (const uint32_t word : words) merge_in(word, best.pair, merged);
      queue_new_pairs();
      progress(static_cast<int64_t>(tokens_.size()) - first, static_cast<int64_t>(wanted) - first);
    }
  }

  Json vocabulary() const { return Json(ids_); }
  Json merges() const { return Json(merges_); }

 private:
  using Pair = std::pair<int32_t, int32_t>;
  struct PairHash {
    size_t operator()(const Pair& pair) const {
      return std::hash<uint64_t>()(
          (uint64_t{static_cast<uint32_t>(pair.first)} << 32 | static_cast<uint32_t>(pair.second)) *
          0x9e3779b97f4a7c15ull);
    }
  };
  struct Occurrences {
    int64_t count = 0;
    std::vector<uint32_t> words;  // that have or had the pair
  };
  struct Candidate {
    int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {  // less urgent
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };
  struct Word {
    size_t begin, size;  // in symbols_
    int64_t count;
  };

  int32_t& at(uint32_t word, size_t index) { return symbols_[words_[word].begin + index]; }

  void gain(const Pair& pair, uint32_t word) {
    Occurrences& occurrences = pairs_[pair];
    occurrences.count += words_[word].count;
    if (occurrences.words.empty() || occurrences.words.back() != word) occurrences.words.push_back(word);
    grown_.push_back(pair);
  }

  void lose(const Pair& pair, uint32_t word) {
    const auto occurrences = pairs_.find(pair);
    // The pair that is being merged overlaps itself in "aaa", and is no longer counted.
    if (occurrences != pairs_.end()) occurrences->second.count -= words_[word].count;
  }

  void queue_new_pairs() {
    std::sort(grown_.begin(), grown_.end());
    grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
    for (const Pair& pair : grown_) queue_.push({pairs_[pair].count, pair});
    grown_.clear();
  }

  // Two pairs can make the same token ("a" + "bc", "ab" + "c").
  int32_t merged_token(const Pair& pair) {
    const std::string& left = tokens_[static_cast<size_t>(pair.first)];
    const std::string& right = tokens_[static_cast<size_t>(pair.second)];
    if (known_merges_.insert(pair).second) merges_.push_back(left + " " + right);
    const auto [entry, is_new] = ids_.emplace(left + right, static_cast<int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(entry->first);
    return entry->second;
  }

  void merge_in(uint32_t word, const Pair& pair, int32_t merged) {
    size_t kept = 0;
    const size_t size = words_[word].size;
    for (size_t i = 0; i < size; ++i, ++kept) {
      if (i + 1 == size || at(word, i) != pair.first || at(word, i + 1) != pair.second) {
        at(word, kept) = at(word, i);
        continue;
      }
      if (kept > 0) {
        lose({at(word, kept - 1), pair.first}, word);
        gain({at(word, kept - 1), merged}, word);
      }
      if (i + 2 < size) {
        lose({pair.second, at(word, i + 2)}, word);
        gain({merged, at(word, i + 2)}, word);
      }
      at(word, kept) = merged;
      ++i;
    }
    words_[word].size = kept;
  }

  std::vector<std::string> tokens_;  // spellings by id
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<std::string> merges_;
  std::set<Pair> known_merges_;
  std::array<int32_t, 256> byte_tokens_{};
  std::vector<Word> words_;
  std::vector<int32_t> symbols_;  // of all words
  std::unordered_map<Pair, Occurrences, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> grown_;  // pairs that got occurrences since the queue last heard of them
};

}  // namespace

BytePairTrainer::BytePairTrainer(const std::string& family)
    : preparation_(text_preparation(family)),
      normalizer_(preparation_.normalizer, family),
      pre_tokenizer_(preparation_.pre_tokenizer, family) {
  end_of_text_.add(AddedToken(), kEndOfTextName);
}

void BytePairTrainer::add(std::string_view text) {
  std::string valid;
  if (!is_valid_utf8(text)) {
    append_valid_utf8(text, valid);
    text = valid;
  }
  end_of_text_.split(text, [&](std::string_view piece, const AddedToken* token) {
    if (token == nullptr) count(piece);
  });
}

void BytePairTrainer::count(std::string_view text) {
  std::string storage;
  pre_tokenizer_.split(normalizer_.apply(text, storage), scratch_, [&](std::string_view word) {
    const auto known = counts_.find(word);
    if (known != counts_.end()) {
      ++known->second;
    } else {
      counts_.emplace(word, 1);
    }
  });
}

Json BytePairTrainer::train(int64_t vocab_size, const Progress& progress) const {
  require(vocab_size >= kSmallestVocabulary && vocab_size <= std::numeric_limits<int32_t>::max(),
          "a vocabulary of {} tokens; it must have from {} to {}", vocab_size, kSmallestVocabulary,
          std::numeric_limits<int32_t>::max());
  Learner learner;
  for (const auto& [word, count] : counts_) learner.add_word(word, count);
  learner.learn(static_cast<size_t>(vocab_size), progress);
  return tokenizer_json({.preparation = preparation_,
                         .vocabulary = learner.vocabulary(),
                         .merges = learner.merges(),
                         .added_tokens = Json::array({added_token(kEndOfTextName, kEndOfTextId, true)})});
}

}  // namespace t6
