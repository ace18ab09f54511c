#include "t6/grammar/compile/cache.h"

namespace t6 {

std::shared_ptr<const Grammar> GrammarCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void GrammarCache::keep(const std::string& key, std::shared_ptr<const Grammar> grammar) {
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return;  // another thread was as quick
  entries_.emplace_front(key, std::move(grammar));
  by_key_.emplace(key, entries_.begin());
  bytes_ += bytes_of(entries_.front());
  while (bytes_ > limit_) {
    bytes_ -= bytes_of(entries_.back());
    by_key_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

int64_t GrammarCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace t6
