#include "t6/infer/cache/page_memory.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "t6/core/aligned_bytes.h"
#include "t6/core/large_pages.h"
#include "t6/core/poison.h"
#include "t6/core/rounding.h"

namespace t6 {
namespace {

// Bytes of a slab, unless one page is more. What no page has had yet takes no memory.
constexpr int64_t kSlab = 16 * kLargePageBytes;
// Pages below this have memory of their own: the cache of a small model is not worth a large page.
constexpr int64_t kSmall = int64_t{64} << 10;

class Slab {
 public:
  explicit Slab(int64_t page) : page_(page), pages_(std::max<int64_t>(1, kSlab / page)), memory_(page_ * pages_) {
    returned_.reserve(static_cast<size_t>(pages_));
  }
  ~Slab() { allow(memory_.data(), page_ * pages_); }  // the addresses may be another's next
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // All calls are under the lock of Slabs.
  bool has_room() const { return !returned_.empty() || used_ < pages_; }
  std::byte* take() {
    if (returned_.empty()) return memory_.data() + page_ * used_++;
    std::byte* page = returned_.back();
    returned_.pop_back();
    allow(page, page_);
    std::memset(page, 0, static_cast<size_t>(page_));
    return page;
  }
  void give_back(std::byte* page) {
    forbid(page, page_);
    returned_.push_back(page);
  }

 private:
  const int64_t page_, pages_;
  LargePages memory_;
  int64_t used_ = 0;  // pages that were given out at least once
  std::vector<std::byte*> returned_;
};

// Of all caches of the process, by the size of their pages.
class Slabs {
 public:
  std::shared_ptr<std::byte> take(int64_t page) {
    const std::lock_guard lock(mutex_);
    std::vector<std::weak_ptr<Slab>>& slabs = slabs_[page];
    std::erase_if(slabs, [](const std::weak_ptr<Slab>& slab) { return slab.expired(); });
    std::shared_ptr<Slab> slab;
    for (const std::weak_ptr<Slab>& each : slabs) {
      slab = each.lock();
      if (slab && slab->has_room()) break;
      slab.reset();
    }
    if (!slab) slabs.push_back(slab = std::make_shared<Slab>(page));
    return {slab->take(), [this, slab](std::byte* taken) {
              const std::lock_guard giving(mutex_);
              slab->give_back(taken);
            }};
  }

 private:
  std::mutex mutex_;
  std::map<int64_t, std::vector<std::weak_ptr<Slab>>> slabs_;
};

}  // namespace

std::shared_ptr<std::byte> allocate_page(int64_t bytes) {
  if (bytes >= kSmall) {
    static auto* slabs = new Slabs;  // outlives every cache
    return slabs->take(round_up(bytes, kCacheLineBytes));
  }
  std::shared_ptr<std::byte> small = aligned_bytes(bytes);
  std::memset(small.get(), 0, static_cast<size_t>(bytes));
  return small;
}

}  // namespace t6
