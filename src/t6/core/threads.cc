#include "t6/core/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "t6/core/cpu_quota.h"
#include "t6/core/error.h"

namespace t6 {
namespace {

thread_local bool inside_parallel = false;

// Marks this thread as one that runs a part.
class InsideParallel {
 public:
  InsideParallel() : before_(std::exchange(inside_parallel, true)) {}
  ~InsideParallel() { inside_parallel = before_; }

 private:
  bool before_;
};

// Between the products of a decoding step threads meet every ten microseconds or so, and waking one that sleeps takes
// longer than that. So who waits spins for a while before it sleeps: first without a pause, then letting others run,
// one of whom may be the thread that it waits for. The second span covers what one thread does alone between two steps.
constexpr auto kSpinOnly = std::chrono::microseconds(4), kSpin = std::chrono::microseconds(200);

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns ready(), true as soon as it is, false when it was not for kSpin.
template <typename Ready>
bool spin_until(const Ready& ready) {
  using Clock = std::chrono::steady_clock;
  constexpr int kSpinsPerClock = 32;  // reading the clock takes as long as spinning a few times
  const auto begin = Clock::now();
  for (bool alone = true;;) {
    for (int i = 0; i < (alone ? kSpinsPerClock : 1); ++i) {
      if (ready()) return true;
      relax();
    }
    const auto waited = Clock::now() - begin;
    if (waited > kSpin) return ready();
    alone = waited < kSpinOnly;
    if (!alone) sched_yield();
  }
}

// Where one side waits for a word that the other side changes, both as sequentially consistent operations: then either
// the waiter sees the change or the changer sees the waiter.
class EventCount {
 public:
  template <typename Ready>
  void wait(const Ready& ready) {
    if (spin_until(ready)) return;
    std::unique_lock lock(mutex_);
    ++sleepers_;
    changed_.wait(lock, ready);
    --sleepers_;
  }
  void announce() {
    if (sleepers_ == 0) return;
    { std::lock_guard lock(mutex_); }  // a waiter is either before its last look or asleep
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> sleepers_ = 0;
};

// The ranges of a job that one thread takes first: the number of the job, the first range that nobody has taken and the
// end. In one word, so that taking a range and seeing that its job is still under way are one operation.
class alignas(64) RangeQueue {
 public:
  void open(uint32_t job, uint16_t begin, uint16_t end) {
    word_.store(uint64_t{job} << 32 | uint64_t{end} << 16 | begin, std::memory_order_release);
  }
  // The next range, or nothing when all are taken or the queue belongs to another job.
  std::optional<int64_t> take(uint32_t job) {
    uint64_t word = word_.load(std::memory_order_acquire);
    while (word >> 32 == job && (word & 0xFFFF) < (word >> 16 & 0xFFFF)) {
      if (word_.compare_exchange_weak(word, word + 1)) return word & 0xFFFF;
    }
    return std::nullopt;
  }

 private:
  std::atomic<uint64_t> word_ = 0;
};

}  // namespace

// Threads that wait for jobs. One job at a time; the caller is thread 0. Each thread takes ranges of its own queue, the
// same in every job of a kind, so that caches stay warm, then of the others': nobody waits for a thread that does not
// run.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) : queues_(static_cast<size_t>(threads)) {}
  ~ThreadPool() {
    stop_ = true;
    ++job_;
    start_.announce();
    for (auto& worker : workers_) worker.join();
  }

  // Calls body(i, i + 1) for i in [0, ranges), 0 < ranges < 2^16.
  void run(int64_t ranges, const RangeFunction& body) {
    std::lock_guard one_job(job_mutex_);
    if (workers_.empty()) start_workers();
    body_.store(&body, std::memory_order_relaxed);
    left_.store(ranges, std::memory_order_relaxed);
    const auto threads = static_cast<int64_t>(queues_.size());
    const auto job = static_cast<uint32_t>(job_ + 1);
    for (int64_t i = 0; i < threads; ++i) {
      queues_[static_cast<size_t>(i)].open(job, static_cast<uint16_t>(i * ranges / threads),
                                           static_cast<uint16_t>((i + 1) * ranges / threads));
    }
    ++job_;
    start_.announce();
    take_ranges(job, 0);
    done_.wait([this] { return left_ == 0; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void start_workers() {
    for (int i = 1; i < static_cast<int>(queues_.size()); ++i) workers_.emplace_back([this, i] { work(i); });
  }

  // A job that ended long ago is harmless: its ranges are taken, and `body_`, whosever it is, is not called.
  void take_ranges(uint32_t job, size_t thread) {
    const RangeFunction* body = body_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < queues_.size(); ++i) {
      RangeQueue& queue = queues_[(thread + i) % queues_.size()];
      while (const auto range = queue.take(job)) {
        call(*body, *range);
        if (--left_ == 0) done_.announce();
      }
    }
  }

  void call(const RangeFunction& body, int64_t range) {
    try {
      body(range, range + 1);
    } catch (...) {
      std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void work(int thread) {
    for (uint64_t seen = 0;;) {
      start_.wait([&] { return job_ != seen; });
      seen = job_;
      if (stop_) return;
      take_ranges(static_cast<uint32_t>(seen), static_cast<size_t>(thread));
    }
  }

  std::mutex job_mutex_, error_mutex_;
  EventCount start_, done_;
  std::vector<RangeQueue> queues_;
  std::vector<std::thread> workers_;
  std::atomic<uint64_t> job_ = 0;
  std::atomic<const RangeFunction*> body_ = nullptr;
  std::atomic<int64_t> left_ = 0;  // ranges that are not finished
  std::atomic<bool> stop_ = false;
  std::exception_ptr error_;
};

int processor_count() {
  cpu_set_t set;
  const bool known = sched_getaffinity(0, sizeof(set), &set) == 0;
  const int allowed = known ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency());
  // Rounded down: with one thread more than its time all of them are stopped together for a part of each period.
  const double quota = std::min(cpu_quota().value_or(kMostThreads), double{kMostThreads});
  return std::max(1, std::min(allowed, static_cast<int>(quota)));
}

Threads::Threads(int count) : Threads(count, nullptr) { pool_ = std::make_shared<ThreadPool>(count); }

Threads::Threads(int count, PartRunner runner) : count_(count), runner_(runner) {
  require(count >= 1 && count <= kMostThreads, "the number of threads must be from 1 to {}, not {}", kMostThreads,
          count);
}

void Threads::parallel_for(int64_t count, int64_t grain, RangeFunction body) const {
  if (count <= 0) return;
  // Of our own threads one helps where another is late, if there are more ranges than threads; few, for taking one
  // costs tens of nanoseconds.
  const int64_t ranges_per_thread = runner_ ? 1 : 4;
  const int threads = inside_parallel ? 1 : count_;
  const int64_t ranges = std::min(ranges_per_thread * threads, count / std::max<int64_t>(grain, 1));
  if (threads == 1 || ranges <= 1) return body(0, count);
  const auto run_range = [&](int64_t range, int64_t) {
    const InsideParallel inside;
    body(range * count / ranges, (range + 1) * count / ranges);
  };
  if (runner_) return runner_(static_cast<int>(ranges), run_range);
  pool_->run(ranges, run_range);
}

}  // namespace t6
