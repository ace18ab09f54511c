#include "t6/grammar/compile/vocabulary.h"

#include <limits>
#include <string>
#include <vector>

#include "t6/core/error.h"

namespace t6 {

xgrammar::TokenizerInfo vocabulary_of(const Tokenizer& tokenizer, int64_t vocab_size) {
  require(vocab_size >= tokenizer.vocab_size() && vocab_size <= std::numeric_limits<int32_t>::max(),
          "the model's vocabulary of {} is smaller than the tokenizer's, which has {}", vocab_size,
          tokenizer.vocab_size());
  std::vector<std::string> bytes(static_cast<size_t>(tokenizer.vocab_size()));
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    if (!tokenizer.is_special(id)) bytes[i] = tokenizer.decode_bytes({&id, 1}, /*skip_special=*/true);
  }
  // The generation itself knows which tokens end a text, so that none is named here.
  return xgrammar::TokenizerInfo(bytes, xgrammar::VocabType::RAW, static_cast<int>(vocab_size), std::vector<int32_t>{});
}

}  // namespace t6
