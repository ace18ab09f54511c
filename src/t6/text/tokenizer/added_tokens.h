// Tokens that are found in the text before anything else looks at it, such as "<|endoftext|>".
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace t6 {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;      // decode() can leave it out
  bool single_word = false;  // counts only where no word character touches it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and the white space after it
  bool normalized = false;   // is looked for after normalization

  bool operator==(const AddedToken&) const = default;
};

// The ids that Hugging Face's tokenizers give to added tokens which the vocabulary has no id for: they follow on the
// number of its tokens, whatever a file says.
class AddedTokenIds {
 public:
  explicit AddedTokenIds(int64_t vocabulary) : vocabulary_(vocabulary) {}
  int64_t next() const { return std::max(vocabulary_, highest_ + 1); }
  void take(int64_t id) { highest_ = std::max(highest_, id); }

 private:
  int64_t vocabulary_, highest_ = -1;
};

// Finds the longest of its tokens at the leftmost place where one begins, again and again.
class AddedTokenFinder {
 public:
  AddedTokenFinder();

  // `content` is what to look for: that of `token`, possibly normalized.
  void add(const AddedToken& token, std::string_view content);
  bool empty() const { return tokens_.empty(); }

  // Gives the tokens in `text` and the texts between them to `sink`, in order; `token` is null for a text between,
  // which is never empty.
  using Sink = std::function<void(std::string_view piece, const AddedToken* token)>;
  void split(std::string_view text, const Sink& sink) const;

 private:
  struct Match {
    size_t length;
    const AddedToken* token;  // null: none begins here
  };
  Match longest_at(std::string_view text, size_t position) const;

  // A trie; node 0 is its root.
  std::unordered_map<uint64_t, uint32_t> children_;  // by node * 256 + byte
  std::vector<int32_t> token_at_;                    // index into tokens_ by node, -1: none ends here
  std::array<bool, 256> begins_{};                   // bytes that some token begins with
  std::vector<AddedToken> tokens_;
};

}  // namespace t6
