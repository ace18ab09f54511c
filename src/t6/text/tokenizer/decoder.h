// The "decoder" of a tokenizer.json: how tokens' spellings become text again.
#pragma once

#include "t6/formats/json_object.h"
#include "t6/text/tokenizer/spelling.h"

namespace t6 {

// Checks that it does what decoded_bytes() does: ByteLevel for that spelling; for SentencePiece's the Sequence of
// sentence_piece_preparation(), with Strip or without. Returns whether it takes a space off the text's beginning.
// Error: another.
bool check_decoder(const JsonObject& decoder, Spelling spelling);

}  // namespace t6
