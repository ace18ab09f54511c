// The tokens of a tokenizer by id: how the file spells them and which bytes they stand for.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "t6/text/tokenizer/spelling.h"

namespace t6 {

class Vocabulary {
 public:
  // Ids without a token that there may be between others: more than any model's padding, and a bound for the memory
  // that a hostile id can cost.
  static constexpr int64_t kMostHoles = 1 << 18;

  // `source` begins every message. Ids must be below `tokens`, the number that will be added, and kMostHoles.
  Vocabulary(std::string source, int64_t tokens, Spelling spelling)
      : source_(std::move(source)), most_ids_(tokens + kMostHoles), spelling_(spelling) {
    ids_.reserve(static_cast<size_t>(tokens));
  }

  Vocabulary(Vocabulary&&) = default;  // a copy would look its spellings up in the original

  // `where` names the entry in errors. Adding the same pair again is fine. Error: the id or the spelling is taken.
  void add(std::string_view where, std::string_view spelling, int64_t id);
  void set_special(int32_t id) { tokens_[static_cast<size_t>(id)].special = true; }
  // Decoding gives what `spelling` stands for instead of the token's own spelling.
  void decode_as(int32_t id, std::string_view spelling);

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }  // the highest id + 1
  int64_t count() const { return static_cast<int64_t>(ids_.size()); }    // tokens, fewer where ids leave holes
  std::optional<int32_t> find(std::string_view spelling) const;
  bool has(int32_t id) const { return id >= 0 && id < size() && tokens_[static_cast<size_t>(id)].used; }
  // For an id that has().
  std::string_view spelling(int32_t id) const { return tokens_[static_cast<size_t>(id)].spelling; }
  // What decoding gives.
  std::string_view bytes(int32_t id) const { return tokens_[static_cast<size_t>(id)].bytes; }
  bool special(int32_t id) const { return tokens_[static_cast<size_t>(id)].special; }

 private:
  struct Token {
    std::string spelling, bytes;
    bool used = false, special = false;
  };
  std::string source_;
  int64_t most_ids_;
  Spelling spelling_;
  std::deque<Token> tokens_;  // by id; a deque keeps the spellings in place while it grows
  std::unordered_map<std::string_view, int32_t> ids_;
};

}  // namespace t6
