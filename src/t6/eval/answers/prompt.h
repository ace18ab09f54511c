// Prompts as tokens: by a chat template or as they are, and without their middle where they are too long.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/eval/answers.h"

namespace t6 {

struct Prompt {
  std::vector<int32_t> ids;
  int64_t left_out = 0;  // tokens of its middle
};

// At most `limit` tokens. Errors: an empty prompt; one that is longer and must not be shortened.
Prompt fitting_prompt(const LoadedModel& loaded, const AnswerDocument& document, const AnswerOptions& options,
                      int64_t limit);

}  // namespace t6
