#include "t6/infer/engine/prefix_store.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/random.h"

namespace t6 {
namespace {

constexpr auto kTokens = static_cast<size_t>(kPageTokens);

}  // namespace

uint64_t page_hash(uint64_t before, std::span<const int32_t> tokens) {
  uint64_t hash = before;
  for (const int32_t id : tokens) hash = mix64(hash ^ static_cast<uint32_t>(id));
  return hash;
}

PrefixStore::Entries::iterator PrefixStore::find(uint64_t hash, uint64_t before, NumberType type, std::string_view salt,
                                                 std::span<const int32_t> tokens) {
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto found = begin; found != end; ++found) {
    const Entry& entry = *found->second;
    const bool same = entry.before == before && entry.type == type && (before != 0 || entry.salt == salt);
    if (same && std::ranges::equal(entry.tokens, tokens)) return found->second;
  }
  return entries_.end();
}

uint64_t PrefixStore::follow(NumberType type, std::string_view salt, std::span<const int32_t> tokens) {
  path_.clear();
  uint64_t hash = static_cast<uint64_t>(type), id = 0;
  if (!salt.empty()) hash = mix64(hash ^ std::hash<std::string_view>()(salt));
  for (; tokens.size() >= kTokens; tokens = tokens.subspan(kTokens)) {
    const uint64_t next = hash_(hash, tokens.first(kTokens));
    const auto entry = find(next, id, type, salt, tokens.first(kTokens));
    if (entry == entries_.end()) break;
    path_.push_back(entry);
    hash = next;
    id = entry->id;
  }
  return hash;
}

// From the last page to the first, so that no page is older than one that follows it.
void PrefixStore::touch_path() {
  for (auto entry = path_.rbegin(); entry != path_.rend(); ++entry) {
    entries_.splice(entries_.begin(), entries_, *entry);
  }
}

void PrefixStore::keep(std::span<const int32_t> tokens, const FactorCache& cache, std::string_view salt) {
  require(static_cast<int64_t>(tokens.size()) <= cache.size(), "the cache holds {} tokens, {} were given to keep",
          cache.size(), tokens.size());
  if (!cache.keeps_pages()) return;
  uint64_t hash = follow(cache.type(), salt, tokens);
  for (size_t i = path_.size(); (i + 1) * kTokens <= tokens.size(); ++i) {
    Entry entry;
    entry.id = ++last_id_;
    entry.before = i == 0 ? 0 : path_.back()->id;
    entry.hash = hash = hash_(hash, tokens.subspan(i * kTokens, kTokens));
    entry.type = cache.type();
    if (i == 0) entry.salt = salt;
    std::copy_n(tokens.begin() + static_cast<int64_t>(i * kTokens), kTokens, entry.tokens.begin());
    entry.page = cache.shared_page(static_cast<int64_t>(i));
    entry.bytes = cache.page_bytes();
    entries_.push_front(std::move(entry));
    by_hash_.emplace(hash, entries_.begin());
    bytes_ += cache.page_bytes();
    path_.push_back(entries_.begin());
  }
  touch_path();
  while (bytes_ > limit_) erase(std::prev(entries_.end()));
}

int64_t PrefixStore::adopt(std::span<const int32_t> tokens, FactorCache& cache, std::string_view salt) {
  require(cache.size() == 0, "a cache of {} tokens was given, wanted is an empty one", cache.size());
  follow(cache.type(), salt, tokens);
  touch_path();
  for (const auto& entry : path_) cache.adopt(entry->page);
  return cache.size();
}

int64_t PrefixStore::unused_bytes() const {
  int64_t bytes = 0;
  for (const Entry& entry : entries_) bytes += entry.page.use_count() == 1 ? entry.bytes : 0;
  return bytes;
}

void PrefixStore::free(int64_t bytes) {
  for (auto entry = entries_.end(); bytes > 0 && entry != entries_.begin();) {
    --entry;
    if (entry->page.use_count() > 1) continue;
    bytes -= entry->bytes;
    entry = erase(entry);
  }
}

PrefixStore::Entries::iterator PrefixStore::erase(Entries::iterator entry) {
  const auto [begin, end] = by_hash_.equal_range(entry->hash);
  by_hash_.erase(std::find_if(begin, end, [&](const auto& found) { return found.second == entry; }));
  bytes_ -= entry->bytes;
  return entries_.erase(entry);
}

}  // namespace t6
