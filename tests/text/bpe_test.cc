#include "t6/text/tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "t6/core/random.h"

namespace t6 {
namespace {

std::array<int32_t, 256> bytes_as_tokens() {
  std::array<int32_t, 256> tokens{};
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

// The definition: as long as some pair has a merge, apply the one of lowest rank, the leftmost first.
std::vector<int32_t> merge_slowly(std::string_view word, const std::vector<Merge>& merges) {
  std::vector<int32_t> tokens;
  for (const char byte : word) tokens.push_back(static_cast<unsigned char>(byte));
  for (;;) {
    size_t best = merges.size(), place = 0;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      for (size_t rank = 0; rank < best; ++rank) {
        if (merges[rank].left == tokens[i] && merges[rank].right == tokens[i + 1]) best = rank, place = i;
      }
    }
    if (best == merges.size()) return tokens;
    tokens[place] = merges[best].result;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

// Merges among the letters a, b and c and what they make, each pair once.
std::vector<Merge> random_merges(Random& random, int32_t count) {
  std::vector<Merge> merges;
  std::vector<int32_t> tokens = {'a', 'b', 'c'};
  while (static_cast<int32_t>(merges.size()) < count) {
    const int32_t left = tokens[random.below(tokens.size())], right = tokens[random.below(tokens.size())];
    const auto same = [&](const Merge& merge) { return merge.left == left && merge.right == right; };
    if (std::any_of(merges.begin(), merges.end(), same)) continue;
    merges.push_back({left, right, 256 + static_cast<int32_t>(merges.size())});
    tokens.push_back(merges.back().result);
  }
  return merges;
}

TEST(BytePairEncoder, MergesInTheOrderOfRanks) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const auto merges = random_merges(random, 1 + static_cast<int32_t>(random.below(30)));
    const BytePairEncoder encoder(bytes_as_tokens(), merges, {});
    BytePairEncoder::Memory memory;
    for (int i = 0; i < 20; ++i) {
      std::string word(1 + random.below(60), 'a');  // on both sides of the length up to which words are remembered
      for (char& letter : word) letter = static_cast<char>('a' + random.below(3));
      for (int time = 0; time < 2; ++time) {  // computed, then remembered
        std::vector<int32_t> tokens;
        encoder.encode(word, memory, tokens);
        ASSERT_EQ(tokens, merge_slowly(word, merges)) << word;
      }
    }
  }
}

TEST(BytePairEncoder, ARepeatedPairHasItsLastRank) {
  const std::vector<Merge> merges = {{'a', 'b', 256}, {'b', 'c', 257}, {'a', 'b', 256}};
  const BytePairEncoder encoder(bytes_as_tokens(), merges, {});
  BytePairEncoder::Memory memory;
  std::vector<int32_t> tokens;
  encoder.encode("abc", memory, tokens);
  EXPECT_EQ(tokens, (std::vector<int32_t>{'a', 257}));
}

TEST(BytePairEncoder, DropsBytesWithoutAToken) {
  auto tokens_of_bytes = bytes_as_tokens();
  tokens_of_bytes['x'] = BytePairEncoder::kNoToken;
  const BytePairEncoder encoder(tokens_of_bytes, {{'a', 'b', 256}}, {});
  BytePairEncoder::Memory memory;
  std::vector<int32_t> tokens;
  encoder.encode("axb", memory, tokens);
  encoder.encode("xx", memory, tokens);
  EXPECT_EQ(tokens, std::vector<int32_t>{256});
}

TEST(BytePairEncoder, ALongWordTakesNoQuadraticTime) {
  std::vector<Merge> merges = {{'a', 'a', 256}};
  for (int32_t token = 256; token < 270; ++token) merges.push_back({token, token, token + 1});
  const BytePairEncoder encoder(bytes_as_tokens(), merges, {});
  BytePairEncoder::Memory memory;
  std::vector<int32_t> tokens;
  encoder.encode(std::string(4 << 20, 'a'), memory, tokens);  // by n^2 steps this would take hours
  EXPECT_EQ(tokens, std::vector<int32_t>((4 << 20) >> 15, 270));
}

}  // namespace
}  // namespace t6
