// What kernels run with: threads, and working memory that is kept from call to call. What belongs to a device, a stream
// of its work for example, goes here too.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "t6/core/threads.h"

namespace t6 {

// For one call at a time: each thread that calls kernels has a context of its own. Contexts may share threads.
class Context {
 public:
  explicit Context(Threads threads = Threads()) : threads_(std::move(threads)) {}
  explicit Context(int thread_count) : threads_(thread_count) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Threads& threads() const { return threads_; }
  void set_threads(Threads threads) { threads_ = std::move(threads); }
  int thread_count() const { return threads_.count(); }
  void parallel_for(int64_t count, int64_t grain, RangeFunction body) const {
    threads_.parallel_for(count, grain, body);
  }

  // The working memory of a kernel: made at its first call, then always the same object.
  template <typename Memory>
  Memory& memory() {
    for (const Kept& kept : kept_) {
      if (kept.key == &kKey<Memory>) return *static_cast<Memory*>(kept.object.get());
    }
    kept_.push_back({&kKey<Memory>, std::make_shared<Memory>()});
    return *static_cast<Memory*>(kept_.back().object.get());
  }

 private:
  struct Kept {
    const void* key;
    std::shared_ptr<void> object;
  };
  template <typename Memory>
  static inline char kKey = 0;  // its address tells types apart

  Threads threads_;
  std::vector<Kept> kept_;
};

}  // namespace t6
