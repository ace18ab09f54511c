#include "t6/text/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr int32_t kNoRank = -1;
constexpr int32_t kEnd = -1;
constexpr uint64_t kNoPair = std::numeric_limits<uint64_t>::max();  // tokens are not negative
// Words that are remembered: 2 MiB, about what a second-level cache holds.
constexpr size_t kKnownWords = size_t{1} << 15;
// A word with more symbols gives its buffers back, or one huge word would occupy them for good.
constexpr size_t kKeptSymbols = size_t{1} << 20;

uint64_t pair_key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

// Of at most 24 bytes.
uint64_t short_hash(std::string_view word) {
  std::array<uint64_t, 3> chunks{};
  std::memcpy(chunks.data(), word.data(), word.size());
  return mix64(mix64(mix64(chunks[0] ^ word.size()) ^ chunks[1]) ^ chunks[2]);
}

}  // namespace

BytePairEncoder::BytePairEncoder(const std::array<int32_t, 256>& byte_tokens, const std::vector<Merge>& merges,
                                 std::unordered_map<std::string, int32_t> whole_words,
                                 std::unordered_map<char32_t, int32_t> character_tokens)
    : byte_tokens_(byte_tokens),
      slots_(std::bit_ceil(2 * merges.size() + 1), Slot{kNoPair, kNoRank}),
      whole_words_(std::move(whole_words)),
      character_tokens_(std::move(character_tokens)) {
  results_.reserve(merges.size());
  for (const Merge& merge : merges) {
    const uint64_t pair = pair_key(merge.left, merge.right);
    size_t slot = mix64(pair) & (slots_.size() - 1);
    while (slots_[slot].pair != kNoPair && slots_[slot].pair != pair) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {pair, static_cast<int32_t>(results_.size())};
    results_.push_back(merge.result);
  }
}

int32_t BytePairEncoder::rank_of(int32_t left, int32_t right) const {
  const uint64_t pair = pair_key(left, right);
  size_t slot = mix64(pair) & (slots_.size() - 1);
  while (slots_[slot].pair != kNoPair) {
    if (slots_[slot].pair == pair) return slots_[slot].rank;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return kNoRank;
}

void BytePairEncoder::encode(std::string_view word, Memory& memory, std::vector<int32_t>& tokens) const {
  if (word.size() > Memory::kLongestWord || results_.empty()) return encode_unknown(word, memory, tokens);
  if (memory.known_.empty()) memory.known_.resize(kKnownWords);
  Memory::KnownWord& known = memory.known_[short_hash(word) & (kKnownWords - 1)];
  if (known.size != word.size() || std::memcmp(known.bytes.data(), word.data(), word.size()) != 0) {
    const size_t before = tokens.size();
    encode_unknown(word, memory, tokens);
    const size_t count = tokens.size() - before;
    if (count > Memory::kMostTokens) return;
    known.size = static_cast<uint8_t>(word.size());
    known.count = static_cast<uint8_t>(count);
    std::memcpy(known.bytes.data(), word.data(), word.size());
    std::copy_n(tokens.end() - static_cast<std::ptrdiff_t>(count), count, known.tokens.begin());
  } else {
    tokens.insert(tokens.end(), known.tokens.begin(), known.tokens.begin() + known.count);
  }
}

// Gives the tokens that merging begins with to `sink`.
template <typename Sink>
void BytePairEncoder::split(std::string_view word, Sink&& sink) const {
  const auto give_bytes = [&](std::string_view bytes) {
    for (const char byte : bytes) {
      const int32_t token = byte_tokens_[static_cast<unsigned char>(byte)];
      if (token != kNoToken) sink(token);
    }
  };
  if (character_tokens_.empty()) return give_bytes(word);
  while (!word.empty()) {
    const std::string_view character = word.substr(0, utf8_step(word, 0).length);
    const auto known = character_tokens_.find(decode_utf8(character));
    if (known != character_tokens_.end()) {
      sink(known->second);
    } else {
      give_bytes(character);
    }
    word.remove_prefix(character.size());
  }
}

void BytePairEncoder::encode_unknown(std::string_view word, Memory& memory, std::vector<int32_t>& tokens) const {
  if (!whole_words_.empty()) {
    const auto whole = whole_words_.find(std::string(word));
    if (whole != whole_words_.end()) return tokens.push_back(whole->second);
  }
  if (results_.empty()) return split(word, [&](int32_t token) { tokens.push_back(token); });
  require(word.size() < size_t{std::numeric_limits<int32_t>::max()},
          "a word of {} bytes without a place to cut it; at most 2 GiB can be encoded", word.size());
  auto& symbols = memory.symbols_;
  symbols.clear();
  split(word, [&](int32_t token) {
    const auto index = static_cast<int32_t>(symbols.size());
    symbols.push_back({token, index - 1, index + 1, kNoRank});
  });
  if (symbols.empty()) return;
  symbols.back().next = kEnd;
  merge(symbols, memory.heap_);
  for (int32_t index = 0; index != kEnd; index = symbols[static_cast<size_t>(index)].next) {
    tokens.push_back(symbols[static_cast<size_t>(index)].token);
  }
  if (symbols.size() > kKeptSymbols) {
    symbols = std::vector<Memory::Symbol>();
    memory.heap_ = std::vector<uint64_t>();
  }
}

void BytePairEncoder::merge(std::vector<Memory::Symbol>& symbols, std::vector<uint64_t>& heap) const {
  const auto at = [&](int32_t index) -> Memory::Symbol& { return symbols[static_cast<size_t>(index)]; };
  // Looks up the merge of a symbol with its next one; true if there is one.
  const auto rank = [&](int32_t index) {
    Memory::Symbol& symbol = at(index);
    symbol.rank = symbol.next == kEnd ? kNoRank : rank_of(symbol.token, at(symbol.next).token);
    return symbol.rank != kNoRank;
  };
  const auto entry = [&](int32_t index) { return pair_key(at(index).rank, index); };

  heap.clear();
  for (int32_t index = 0; index < static_cast<int32_t>(symbols.size()); ++index) {
    if (rank(index)) heap.push_back(entry(index));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push = [&](int32_t index) {
    if (!rank(index)) return;
    heap.push_back(entry(index));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto index = static_cast<int32_t>(heap.back() & 0xFFFFFFFFu);
    const auto best = static_cast<int32_t>(heap.back() >> 32);
    heap.pop_back();
    Memory::Symbol& left = at(index);
    if (left.rank != best) continue;  // one of the two has merged with another neighbour meanwhile
    Memory::Symbol& right = at(left.next);
    left.token = results_[static_cast<size_t>(best)];
    left.next = right.next;
    right.rank = kNoRank;
    if (left.next != kEnd) at(left.next).previous = index;
    push(index);
    if (left.previous != kEnd) push(left.previous);
  }
}

}  // namespace t6
