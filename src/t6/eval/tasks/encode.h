// A context and the text after it as tokens: what a model reads, and which tokens it is asked for.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "t6/infer/load.h"

namespace t6 {

struct EncodedText {
  std::vector<int32_t> inputs;   // all that the model reads
  std::vector<int32_t> targets;  // the tokens after the last targets.size() of them
  bool cut = false;              // the context lost its beginning: it did not fit

  // The first of the inputs whose logits are wanted.
  size_t first_wanted() const { return inputs.size() - targets.size(); }
};

// Both are encoded together, and the tokens after as many as the context alone has are the text's; white space at the
// context's end belongs to the text. An empty context is the token that texts begin with, or else the one that ends
// them. What does not fit into the model's context loses its beginning. Errors: the text adds no token, or does not
// fit by itself; no token begins or ends texts and the context is empty.
EncodedText encode_text(const LoadedModel& loaded, std::string_view context, std::string_view text);

}  // namespace t6
