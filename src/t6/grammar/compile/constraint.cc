#include "t6/grammar/compile/constraint.h"

#include <exception>

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"

namespace t6 {
namespace {

// xgrammar's own exceptions as Errors, so that they end this sequence alone.
template <typename Work>
auto guarded(Work&& work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail("the grammar: {}", quotable(error.what(), kLongestMessage));
  }
}

}  // namespace

GrammarConstraint::GrammarConstraint(const xgrammar::CompiledGrammar& grammar)
    : matcher_(grammar), vocab_size_(grammar.GetTokenizerInfo().GetVocabSize()) {}

void GrammarConstraint::allow(std::span<uint32_t> mask) {
  require(mask.size() == mask_words(static_cast<size_t>(vocab_size_)),
          "a mask of {} words was given for a vocabulary of {}", mask.size(), vocab_size_);
  int64_t shape = std::ssize(mask);
  DLTensor tensor = {};
  tensor.data = mask.data();
  tensor.device = {kDLCPU, 0};
  tensor.ndim = 1;
  tensor.dtype = xgrammar::GetBitmaskDLType();
  tensor.shape = &shape;
  (void)guarded([&] { return matcher_.FillNextTokenBitmask(&tensor); });
  // The last word's bits beyond the vocabulary.
  if (vocab_size_ % 32 != 0) mask.back() &= (uint32_t{1} << (vocab_size_ % 32)) - 1;
}

void GrammarConstraint::accept(int32_t id) {
  require(guarded([&] { return matcher_.AcceptToken(id); }), "the grammar does not allow token {} here", id);
}

bool GrammarConstraint::may_end() const {
  return guarded([&] { return matcher_.IsCompleted(); });
}

}  // namespace t6
