// The input of POST /v1/responses as messages.
#pragma once

#include "t6/serve/api/json_text.h"

namespace t6 {

// `input`: a text, or a list of messages, function calls, their outputs and reasoning. What an assistant thought, said
// and called without anything between is one message. Errors (ApiError 400): an item of another kind, parts that are
// not text.
OrderedJson read_response_input(const OrderedJson& input);

}  // namespace t6
