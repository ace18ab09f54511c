// Texts that a model reads as they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/serve/api/body.h"
#include "t6/serve/api/service.h"

namespace t6 {

// The ids of the texts under `key`: a text, a list of ids, or a list of either, `most` at most. Unless
// "add_special_tokens" is false, a text begins with what the model wants to see before one. Errors (ApiError 400):
// something else, an id outside the vocabulary.
std::vector<std::vector<int32_t>> read_prompts(Body& body, const Service& service, const std::string& key, size_t most);

}  // namespace t6
