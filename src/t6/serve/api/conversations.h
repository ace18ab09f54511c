// The requests of late, by the id of their answer: what their caches are found by.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "t6/infer/sequence.h"

namespace t6 {

struct KnownConversation {
  std::string salt;
  std::weak_ptr<Sequence> sequence;  // while it runs
  std::vector<int32_t> tokens;       // when it has ended
};

// The last few; any thread may call.
class Conversations {
 public:
  explicit Conversations(size_t most = 1024) : most_(most) {}

  void begin(const std::string& id, const std::string& salt, const std::shared_ptr<Sequence>& sequence);
  void end(const std::string& id, std::vector<int32_t> tokens);
  std::optional<KnownConversation> find(const std::string& id) const;

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, KnownConversation> known_;
  std::list<std::string> order_;  // the oldest first
};

}  // namespace t6
