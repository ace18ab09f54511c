#include "t6/text/tokenizer/added_tokens.h"

#include <algorithm>

#include "t6/text/tokenizer/characters.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr int32_t kNone = -1;

// Where the last character of `text` (not empty) begins.
size_t last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

bool touches_word(std::string_view before, std::string_view after) {
  return (!before.empty() && is_word_character(decode_utf8(before.substr(last_character(before))))) ||
         (!after.empty() && is_word_character(decode_utf8(after)));
}

size_t white_space_at_end(std::string_view text) {
  size_t begin = text.size();
  while (begin > 0) {
    const size_t character = last_character(text.substr(0, begin));
    if (!is_white_space(decode_utf8(text.substr(character)))) break;
    begin = character;
  }
  return text.size() - begin;
}

size_t white_space_at_start(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && is_white_space(decode_utf8(text.substr(end)))) end += utf8_step(text, end).length;
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder() : token_at_{kNone} {}

void AddedTokenFinder::add(const AddedToken& token, std::string_view content) {
  if (content.empty()) return;
  begins_[static_cast<unsigned char>(content[0])] = true;
  uint32_t node = 0;
  for (const char byte : content) {
    const uint64_t edge = uint64_t{node} << 8 | static_cast<unsigned char>(byte);
    const auto [child, is_new] = children_.emplace(edge, static_cast<uint32_t>(token_at_.size()));
    if (is_new) token_at_.push_back(kNone);
    node = child->second;
  }
  token_at_[node] = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

AddedTokenFinder::Match AddedTokenFinder::longest_at(std::string_view text, size_t position) const {
  Match longest{0, nullptr};
  uint32_t node = 0;
  for (size_t end = position; end < text.size();) {
    const auto child = children_.find(uint64_t{node} << 8 | static_cast<unsigned char>(text[end]));
    if (child == children_.end()) break;
    node = child->second;
    ++end;
    if (token_at_[node] != kNone) longest = {end - position, &tokens_[static_cast<size_t>(token_at_[node])]};
  }
  return longest;
}

void AddedTokenFinder::split(std::string_view text, const Sink& sink) const {
  size_t given = 0;  // what lies before has gone to the sink
  for (size_t position = 0; position < text.size() && !empty();) {
    if (!begins_[static_cast<unsigned char>(text[position])]) {
      ++position;
      continue;
    }
    const auto [length, token] = longest_at(text, position);
    if (token == nullptr) {
      ++position;
      continue;
    }
    size_t begin = position, end = position + length;
    position = end;
    if (token->single_word && touches_word(text.substr(0, begin), text.substr(end))) continue;
    if (token->lstrip) begin = std::max(begin - white_space_at_end(text.substr(0, begin)), given);
    if (token->rstrip) end += white_space_at_start(text.substr(end));
    if (given < begin) sink(text.substr(given, begin - given), nullptr);
    sink(text.substr(begin, end - begin), token);
    given = end;
  }
  if (given < text.size()) sink(text.substr(given), nullptr);
}

}  // namespace t6
