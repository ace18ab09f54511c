// A wish that work end early: whoever may cancel holds it, the work looks at it between its steps.
#pragma once

#include <atomic>

namespace t6 {

// cancel() may be called from any thread and from a signal handler.
class CancelToken {
 public:
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  void reset() { cancelled_.store(false, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  static_assert(std::atomic<bool>::is_always_lock_free);
  std::atomic<bool> cancelled_ = false;
};

}  // namespace t6
