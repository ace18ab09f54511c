// The pass key test: is a number found that lies at some depth of a context of some length?
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "t6/eval/answers.h"

namespace t6 {

struct PasskeyOptions {
  std::vector<int64_t> lengths;  // of a prompt and its answer, in tokens
  int64_t depths = 11;           // so many, from 0 to 100 per cent; 1: 50 alone
  int64_t samples = 1;           // documents for each length and depth
  uint64_t seed = 0;
};

// In per cent. Error: not from 1 to 101.
std::vector<int64_t> passkey_depths(int64_t count);

// The documents, by length, depth and sample, each in the group "LENGTH, DEPTH %". `options` says how prompts are
// written. Errors: no length, one that is too short; those of passkey_depths().
std::vector<AnswerDocument> passkey_documents(const LoadedModel& loaded, const PasskeyOptions& passkey,
                                              const AnswerOptions& options);

// The share of keys that were found, [lengths, depths] in that order; of cells without an answer -1.
std::vector<double> passkey_grid(const PasskeyOptions& passkey, std::span<const WrittenAnswer> answers);

}  // namespace t6
