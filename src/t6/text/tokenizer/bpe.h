// Byte pair encoding of one word: merges the pair of neighbours that was learned first, until none is left to merge.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace t6 {

struct Merge {
  int32_t left, right, result;  // tokens
};

class BytePairEncoder {
 public:
  static constexpr int32_t kNoToken = -1;

  // Words encoded before, and buffers to reuse. It belongs to one encoder and to one thread at a time.
  class Memory {
   public:
    Memory() = default;

   private:
    friend class BytePairEncoder;
    static constexpr size_t kLongestWord = 22, kMostTokens = 10;
    struct KnownWord {  // one cache line
      uint8_t size = 0, count = 0;
      std::array<char, kLongestWord> bytes;
      std::array<int32_t, kMostTokens> tokens;
    };
    struct Symbol {
      int32_t token, previous, next;  // indices of symbols, -1 at the ends
      int32_t rank;                   // of the merge with `next`
    };
    std::vector<KnownWord> known_;  // by hash; a word displaces another one
    std::vector<Symbol> symbols_;
    std::vector<uint64_t> heap_;  // rank << 32 | index of a symbol, smallest first
  };

  // `byte_tokens` holds the token of each byte (kNoToken: such a byte is dropped, as in Hugging Face). `merges` come in
  // order of rank; a repeated pair keeps its last rank. A word that is a key of `whole_words` becomes that token
  // whatever the merges say (Llama 3's ignore_merges). With `character_tokens` words begin as characters, and bytes
  // stand only for those that have no token there (SentencePiece's byte fallback); words are valid UTF-8 then.
  BytePairEncoder(const std::array<int32_t, 256>& byte_tokens, const std::vector<Merge>& merges,
                  std::unordered_map<std::string, int32_t> whole_words,
                  std::unordered_map<char32_t, int32_t> character_tokens = {});

  // Appends the tokens of `word`, in time n log n of its length. Error: 2 GiB or longer.
  void encode(std::string_view word, Memory& memory, std::vector<int32_t>& tokens) const;

 private:
  int32_t rank_of(int32_t left, int32_t right) const;
  template <typename Sink>
  void split(std::string_view word, Sink&& sink) const;
  void encode_unknown(std::string_view word, Memory& memory, std::vector<int32_t>& tokens) const;
  void merge(std::vector<Memory::Symbol>& symbols, std::vector<uint64_t>& heap) const;

  struct Slot {
    uint64_t pair;
    int32_t rank;
  };
  std::array<int32_t, 256> byte_tokens_;
  std::vector<Slot> slots_;       // open addressing: a power of two, at most half full
  std::vector<int32_t> results_;  // by rank
  std::unordered_map<std::string, int32_t> whole_words_;
  std::unordered_map<char32_t, int32_t> character_tokens_;
};

}  // namespace t6
