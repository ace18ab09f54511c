// What limits the tokens of one generation as they come: a grammar, for example (grammar/grammar.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace t6 {

// Words of 32 bits that hold a bit for each token: bit id % 32 of word id / 32.
inline constexpr size_t mask_words(size_t vocab_size) { return (vocab_size + 31) / 32; }
inline bool in_mask(std::span<const uint32_t> mask, int32_t id) {
  return mask[static_cast<size_t>(id) / 32] >> (id % 32) & 1;
}
inline void set_in_mask(std::span<uint32_t> mask, int32_t id, bool value) {
  const uint32_t bit = uint32_t{1} << (id % 32);
  uint32_t& word = mask[static_cast<size_t>(id) / 32];
  word = value ? word | bit : word & ~bit;
}

// Knows the text so far, so that each generation has one of its own. The tokens that end a text are no part of it:
// they may come where may_end() says so, and accept() never sees them. For one thread at a time.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // Of the model that it was made for.
  virtual int64_t vocab_size() const = 0;
  // Writes all of `mask` [mask_words(vocab_size())]: the tokens that may come next, ends of text apart.
  virtual void allow(std::span<uint32_t> mask) = 0;
  // The token that came. Error: it was not allowed.
  virtual void accept(int32_t id) = 0;
  // Whether the text is whole as it stands. Where nothing else may come, the generation ends by itself.
  virtual bool may_end() const = 0;
};

}  // namespace t6
