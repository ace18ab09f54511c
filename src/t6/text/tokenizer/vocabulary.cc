#include "t6/text/tokenizer/vocabulary.h"

#include "t6/core/error.h"

namespace t6 {

void Vocabulary::add(std::string_view where, std::string_view spelling, int64_t id) {
  if (id < 0 || id >= most_ids_) {
    fail("{}: {}: the id {} of {:?} is not below {}, the number of tokens and {}", source_, where, id,
         std::string(spelling), most_ids_, kMostHoles);
  }
  if (const std::optional<int32_t> known = find(spelling)) {
    if (*known != id) fail("{}: {}: {:?} has the ids {} and {}", source_, where, std::string(spelling), *known, id);
    return;
  }
  if (id >= size()) tokens_.resize(static_cast<size_t>(id) + 1);
  Token& token = tokens_[static_cast<size_t>(id)];
  if (token.used) {
    fail("{}: {}: the id {} belongs to {:?} and to {:?}", source_, where, id, token.spelling, std::string(spelling));
  }
  token.spelling = spelling;
  token.used = true;
  ids_.emplace(token.spelling, static_cast<int32_t>(id));
  decode_as(static_cast<int32_t>(id), spelling);
}

void Vocabulary::decode_as(int32_t id, std::string_view spelling) {
  tokens_[static_cast<size_t>(id)].bytes = decoded_bytes(spelling_, spelling);
}

std::optional<int32_t> Vocabulary::find(std::string_view spelling) const {
  const auto found = ids_.find(spelling);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace t6
