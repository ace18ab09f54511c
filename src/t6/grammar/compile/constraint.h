// A compiled grammar's state within one text.
#pragma once

#include <xgrammar/xgrammar.h>

#include "t6/infer/token_constraint.h"

namespace t6 {

class GrammarConstraint : public TokenConstraint {
 public:
  explicit GrammarConstraint(const xgrammar::CompiledGrammar& grammar);
  int64_t vocab_size() const override { return vocab_size_; }
  void allow(std::span<uint32_t> mask) override;
  void accept(int32_t id) override;
  bool may_end() const override;

 private:
  xgrammar::GrammarMatcher matcher_;
  int64_t vocab_size_;
};

}  // namespace t6
