// Where a long text may be cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace t6 {

// A cut at most `limit` bytes in, so that the pieces have the tokens of the whole: before a line that begins with a
// letter or digit, or before a space between two letters. Byte-level BPE never merges across these (GPT-2, GPT-4, Llama
// 3 and Qwen patterns alike), nor does SentencePiece's where its tokens keep to words and lines (Llama 2, Mistral). A
// text without such a place is cut at the end of a character. 4 <= limit <= text.size().
size_t safe_cut(std::string_view text, size_t limit);

// A cut at most `limit` bytes in: after the last blank line, else the last line, word or character. Places in the first
// half of `limit` are passed over. 4 <= limit <= text.size().
size_t paragraph_cut(std::string_view text, size_t limit);

// True for a text of nothing but ASCII white space.
bool is_blank(std::string_view text);

}  // namespace t6
