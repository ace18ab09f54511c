// The messages of POST /v1/messages, which are made of blocks, as those that templates read.
#pragma once

#include "t6/serve/api/json_text.h"

namespace t6 {

// OpenAI's list of messages: `system` (null, a text or blocks of text) first; each result of a tool is a message of its
// own. Errors (ApiError 400): a role, a block or a key that is not known, blocks that are not text.
OrderedJson read_message_blocks(const OrderedJson& list, const OrderedJson* system);

}  // namespace t6
