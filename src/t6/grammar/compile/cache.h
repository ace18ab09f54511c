// Compiled grammars by the text that they come from, the least recently used given up first.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "t6/grammar/grammar.h"

namespace t6 {

// For many threads at once. Keys count, too: `limit` bounds the bytes of both.
class GrammarCache {
 public:
  explicit GrammarCache(int64_t limit) : limit_(limit) {}

  std::shared_ptr<const Grammar> find(const std::string& key);  // null: it is not there
  // One that is larger than all that may be kept is not kept.
  void keep(const std::string& key, std::shared_ptr<const Grammar> grammar);
  int64_t bytes() const;

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Grammar>>;
  static int64_t bytes_of(const Entry& entry) {
    return 2 * static_cast<int64_t>(entry.first.size()) + entry.second->bytes();
  }

  const int64_t limit_;
  mutable std::mutex mutex_;
  int64_t bytes_ = 0;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace t6
