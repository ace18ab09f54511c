#include "t6/core/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

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

int available_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Between the products of a decoding step threads meet every ten microseconds or so, and waking one that sleeps takes
// longer than that. So who waits looks for a while before it sleeps: first without a pause, then letting others run,
// one of whom may be the thread that it waits for. The second span covers what one thread does alone between two steps.
constexpr auto kLookOnly = std::chrono::microseconds(4), kLook = std::chrono::microseconds(200);

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns ready(), true as soon as it is, false when it was not for kLook.
template <typename Ready>
bool look(const Ready& ready) {
  using Clock = std::chrono::steady_clock;
  constexpr int kLooksPerClock = 32;  // reading the clock takes as long as looking a few times
  const auto begin = Clock::now();
  for (bool alone = true;;) {
    for (int i = 0; i < (alone ? kLooksPerClock : 1); ++i) {
      if (ready()) return true;
      relax();
    }
    const auto waited = Clock::now() - begin;
    if (waited > kLook) return ready();
    alone = waited < kLookOnly;
    if (!alone) sched_yield();
  }
}

// Where one side waits for a word that the other side changes, both as sequentially consistent operations: then either
// the waiter sees the change or the changer sees the waiter.
class Meeting {
 public:
  template <typename Ready>
  void wait(const Ready& ready) {
    if (look(ready)) return;
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

// Workers that wait for numbered jobs. One job at a time; the caller takes part as worker 0.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }
  ~ThreadPool() {
    stop_ = true;
    job_ += kNextJob;
    start_.announce();
    for (auto& worker : workers_) worker.join();
  }

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(i, i + 1) for i in [0, parts), parts <= size(), part i on worker i.
  void run(int parts, RangeFunction body) {
    std::lock_guard one_job(job_mutex_);
    body_ = &body;
    pending_ = parts - 1;
    job_ = (job_ / kNextJob + 1) * kNextJob + static_cast<uint64_t>(parts);
    start_.announce();
    call(0);
    done_.wait([this] { return pending_ == 0; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void call(int index) {
    try {
      const InsideParallel inside;
      (*body_)(index, index + 1);
    } catch (...) {
      std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void work(int index) {
    uint64_t seen = 0;
    for (;;) {
      start_.wait([&] { return job_ != seen; });
      seen = job_;
      if (stop_) return;
      // A worker that the job does not need must not look at it: the caller does not wait for it.
      if (static_cast<uint64_t>(index) >= seen % kNextJob) continue;
      call(index);
      if (--pending_ == 0) done_.announce();
    }
  }

  static constexpr uint64_t kNextJob = 1 << 16;  // above any number of parts

  std::mutex job_mutex_, error_mutex_;
  Meeting start_, done_;
  std::vector<std::thread> workers_;
  std::atomic<uint64_t> job_ = 0;  // its number times kNextJob, and its parts
  std::atomic<int> pending_ = 0;   // workers that have not finished their part
  std::atomic<bool> stop_ = false;
  const RangeFunction* body_ = nullptr;
  std::exception_ptr error_;
};

std::atomic<int> requested_threads = 0;
std::atomic<PartRunner> other_runner = nullptr;

std::shared_ptr<ThreadPool> pool(int threads) {
  static std::mutex mutex;
  static std::shared_ptr<ThreadPool> shared;
  std::lock_guard lock(mutex);
  if (!shared || shared->size() != threads) shared = std::make_shared<ThreadPool>(threads);
  return shared;
}

}  // namespace

void set_thread_count(int count) {
  require(count >= 1 && count <= 4096, "the number of threads must be between 1 and 4096, not {}", count);
  requested_threads = count;
}

int thread_count() {
  const int requested = requested_threads;
  return requested > 0 ? requested : available_processors();
}

void parallel_for(int64_t count, int64_t grain, RangeFunction body) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const auto parts = static_cast<int>(std::min<int64_t>(thread_count(), (count + grain - 1) / grain));
  if (parts <= 1 || inside_parallel) return body(0, count);
  const int64_t each = ((count + parts - 1) / parts + grain - 1) / grain * grain;
  const auto run_part = [&](int64_t part, int64_t) {
    const int64_t begin = part * each;
    if (begin < count) body(begin, std::min(begin + each, count));
  };
  if (const PartRunner runner = other_runner) {
    runner(parts, [&](int64_t part, int64_t next) {
      const InsideParallel inside;
      run_part(part, next);
    });
  } else {
    pool(thread_count())->run(parts, run_part);
  }
}

void set_part_runner(PartRunner runner) { other_runner = runner; }

}  // namespace t6
