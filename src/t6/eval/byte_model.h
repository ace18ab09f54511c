// The simple thing that a language model must beat: counts of bytes after the three bytes before them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "t6/text/tokenizer.h"

namespace t6 {

// The bytes of the tokens' text, and 256 for end-of-text. Other special tokens are left out.
std::vector<int32_t> byte_symbols(const Tokenizer& tokenizer, std::span<const int32_t> tokens);

// An order-3 model of bytes with Witten-Bell smoothing: the estimate of each order is mixed with that of the order
// below, whose share is the number of different bytes seen in this place.
class ByteModel {
 public:
  static constexpr int32_t kSymbols = 257;  // bytes and end-of-text

  // Counts a text, as one sequence. Error: a symbol outside [0, kSymbols).
  void train(std::span<const int32_t> symbols);

  // Bits that the model needs for the symbols after the first. Error: as train.
  double bits(std::span<const int32_t> symbols) const;

 private:
  static constexpr size_t kOrder = 3;

  // What followed a context.
  struct Followers {
    int64_t total = 0;
    std::vector<std::pair<int32_t, int64_t>> counts;  // symbol, times
    int64_t count(int32_t symbol) const;
  };
  double probability(std::span<const int32_t> before, int32_t symbol) const;

  std::array<std::unordered_map<uint32_t, Followers>, kOrder + 1> orders_;
};

}  // namespace t6
