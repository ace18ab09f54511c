// Pages of caches, found by the tokens in and before them, so that what a text has in common with an earlier one need
// not be read again.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "t6/infer/cache.h"

namespace t6 {

// Of a page's tokens, chained with that of the page before it.
uint64_t page_hash(uint64_t before, std::span<const int32_t> tokens);

// For caches of one model, on one thread. Whole pages only; caches of another type have pages of their own, and so have
// texts with another salt: who does not know it cannot find out by the time that a prompt takes what others have asked.
// Caches that give pages back before their end (windows) leave none here and get none.
class PrefixStore {
 public:
  // Its pages take `limit` bytes at most, those least recently used go first. Tokens are compared, so that a `hash`
  // that tells little apart makes it slow and not wrong.
  explicit PrefixStore(int64_t limit, uint64_t (*hash)(uint64_t, std::span<const int32_t>) = page_hash)
      : limit_(limit), hash_(hash) {}

  // Keeps the pages of `cache` that are full of its first tokens, which are these. The cache must not write into them
  // later, but for page() (cache.h), which makes a copy.
  void keep(std::span<const int32_t> tokens, const FactorCache& cache, std::string_view salt = {});
  // Gives a cache that is empty the pages of the longest beginning of `tokens` that is kept; how many tokens that are.
  int64_t adopt(std::span<const int32_t> tokens, FactorCache& cache, std::string_view salt = {});

  int64_t bytes() const { return bytes_; }
  int64_t page_count() const { return static_cast<int64_t>(entries_.size()); }
  // Of the pages that no cache holds too: what free() can give back.
  int64_t unused_bytes() const;
  // Gives back at least `bytes` of these, or all.
  void free(int64_t bytes);

 private:
  struct Entry {
    uint64_t id = 0, before = 0;  // its own and that of the page before it, 0 for none
    uint64_t hash = 0;
    NumberType type = NumberType::f32;
    std::array<int32_t, kPageTokens> tokens = {};
    std::string salt;  // of a first page
    std::shared_ptr<FactorCache::Page> page;
    int64_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  Entries::iterator find(uint64_t hash, uint64_t before, NumberType type, std::string_view salt,
                         std::span<const int32_t> tokens);
  // The entries of the first pages of `tokens`, as far as there are any, into path_. The hash of the last one.
  uint64_t follow(NumberType type, std::string_view salt, std::span<const int32_t> tokens);
  void touch_path();
  Entries::iterator erase(Entries::iterator entry);

  int64_t limit_, bytes_ = 0;
  uint64_t (*hash_)(uint64_t, std::span<const int32_t>);
  uint64_t last_id_ = 0;
  Entries entries_;  // the most recently used first, and a page before those that follow it
  std::unordered_multimap<uint64_t, Entries::iterator> by_hash_;
  std::vector<Entries::iterator> path_;
};

}  // namespace t6
