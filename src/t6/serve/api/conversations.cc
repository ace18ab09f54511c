#include "t6/serve/api/conversations.h"

#include <utility>

namespace t6 {

void Conversations::begin(const std::string& id, const std::string& salt, const std::shared_ptr<Sequence>& sequence) {
  const std::lock_guard lock(mutex_);
  if (!known_.emplace(id, KnownConversation{salt, sequence, {}}).second) return;
  order_.push_back(id);
  if (order_.size() <= most_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

void Conversations::end(const std::string& id, std::vector<int32_t> tokens) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(id);
  if (found != known_.end()) found->second.tokens = std::move(tokens);
}

std::optional<KnownConversation> Conversations::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(id);
  if (found == known_.end()) return std::nullopt;
  return found->second;
}

}  // namespace t6
