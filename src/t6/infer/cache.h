// The factorized KV cache of one sequence: for each token and layer exactly what is contextual, once, in pages of 64
// tokens that sequences with a common beginning share. Layers that see as far as each other have pages of their own
// (model/cache_layout.h), and those with a window give a page back as soon as no later token sees it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "t6/kernels/context.h"
#include "t6/model/cache_layout.h"

namespace t6 {

// What all pages of some caches may take together; a page that several of them hold counts once. Caches on several
// threads may have one in common.
class CacheMemory {
 public:
  explicit CacheMemory(int64_t limit_bytes) : limit_(limit_bytes) {}
  int64_t limit() const { return limit_; }
  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  int64_t room() const { return limit_ - used(); }

  // Error: `bytes` more would be above the limit.
  void take(int64_t bytes);
  void give(int64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const int64_t limit_;
  std::atomic<int64_t> used_ = 0;
};

struct CacheOptions {
  int64_t limit = 0;  // tokens; 0: the model's max_position_embeddings, which is also the most
  NumberType type = NumberType::f32;
  std::shared_ptr<CacheMemory> memory = nullptr;  // null: no limit
  bool extrapolates = false;  // the limit may be above the model's; positions then turn further than in training
};

// Rows of new tokens' factors, [T, ...] each; null for what is not cached.
struct NewFactors {
  const float* a = nullptr;
  const float* b = nullptr;
  const float* c = nullptr;
};

// Not for use by several threads at once, nor are its forks, whose pages are the same.
class FactorCache {
 public:
  struct Page;  // memory of 64 tokens, given back with the last that holds it

  explicit FactorCache(const ModelConfig& config, const CacheOptions& options = {});
  FactorCache(FactorCache&&) = default;
  FactorCache& operator=(FactorCache&&) = default;

  bool fits(const ModelConfig& config) const;  // has this model's layers and factors
  NumberType type() const { return type_; }
  int64_t size() const { return size_; }    // tokens
  int64_t limit() const { return limit_; }  // tokens
  int64_t room() const { return limit_ - size_; }
  int64_t numbers_per_token() const { return layout_.layers.front().numbers_per_token(); }  // of one layer
  // Of memory held, in whole pages, shared ones too; and of a full page, for each of its tokens, rounded up.
  int64_t bytes() const;
  int64_t bytes_per_token() const { return cache_bytes_per_token(layout_); }
  int64_t page_bytes() const { return layout_.bytes; }                    // of a page of each group of layers
  const std::shared_ptr<CacheMemory>& memory() const { return memory_; }  // null: no limit

  // Makes room for `tokens` more: the caller writes them, layer by layer, and then calls advance. Errors, before
  // anything changes: more than room(), or than the memory allows. `piece`: so many of them are written at a time at
  // most (0: all at once), so that layers with a window need no more pages than that and their window take.
  void reserve(int64_t tokens, int64_t piece = 0);
  int64_t bytes_to_reserve(int64_t tokens, int64_t piece = 0) const;  // that this takes
  // Factors of the next `tokens` tokens of a layer, pages on all threads.
  void write(const Context& context, int64_t layer, int64_t tokens, const NewFactors& keys, const NewFactors& values);
  void advance(int64_t tokens);
  // Forgets the tokens from `size` on and gives the pages that held only them back. Where a layer with a window has
  // given back what the next token would see then, it forgets all, and size() is 0. Error: more than there are.
  void truncate(int64_t size);
  void clear() { truncate(0); }
  // A cache with the same tokens. Pages are shared until one of the two writes into them.
  FactorCache fork() const { return *this; }
  // Whether all pages stay until the end, in one group: only these can be adopted.
  bool keeps_pages() const { return layout_.groups.size() == 1 && layout_.groups[0].window == 0; }
  // A page as another cache can adopt it, which must not be written into as long as its tokens are this cache's.
  const std::shared_ptr<Page>& shared_page(int64_t index) const { return groups_[0].pages[static_cast<size_t>(index)]; }
  // Takes a page of a cache with this model and type as its next 64 tokens. Errors: the last page is not full, no room,
  // a page of another size, !keeps_pages().
  void adopt(std::shared_ptr<Page> page);
  // Becomes a cache of `size` tokens whose pages hold zeros, to be filled through page(). Errors: as reserve().
  void fill(int64_t size);

  int64_t layer_count() const { return static_cast<int64_t>(layout_.layers.size()); }
  const LayerStreams& layer(int64_t index) const { return layout_.layers[static_cast<size_t>(index)]; }
  const std::byte* const* pages(int64_t layer) const {  // for FactorView::pages
    return groups_[group_of(layer)].table.data();
  }
  const std::vector<PageGroup>& groups() const { return layout_.groups; }
  size_t group_of(int64_t layer) const { return layout_.group_of[static_cast<size_t>(layer)]; }
  // Pages of a group up to its last one, those that were given back among them; and one of them, null if it was.
  int64_t page_count(size_t group = 0) const { return static_cast<int64_t>(groups_[group].pages.size()); }
  const std::byte* page_data(size_t group, int64_t index) const {
    return groups_[group].table[static_cast<size_t>(index)];
  }
  std::byte* page(int64_t index, size_t group = 0);  // one that is there, for writing: no longer shared

 private:
  struct Pages {
    std::vector<std::shared_ptr<Page>> pages;  // null: given back
    std::vector<const std::byte*> table;       // of pages
    int64_t first = 0;                         // the first page behind the sinks that was not given back
    int64_t held = 0;                          // pages that are there
  };

  FactorCache(const FactorCache&) = default;  // for fork()

  std::shared_ptr<Page> new_page(size_t group) const;
  void push(size_t group, std::shared_ptr<Page> page);
  void cut(size_t group, int64_t count);
  int64_t pages_wanted(size_t group, int64_t tokens, int64_t piece) const;
  void give_back_unseen();

  PageLayout layout_;
  NumberType type_;
  std::shared_ptr<CacheMemory> memory_;
  int64_t limit_ = 0, size_ = 0;
  bool extrapolates_ = false;
  std::vector<Pages> groups_;
};

}  // namespace t6
