#include "t6/core/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "t6/core/error.h"

namespace t6 {
namespace {

thread_local bool inside_parallel = false;

int available_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Workers that wait for numbered tasks. One job at a time; the caller takes part as worker 0.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }
  ~ThreadPool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls part(i) for i in [0, parts), parts <= size(), part i on worker i.
  void run(int parts, const std::function<void(int)>& part) {
    std::lock_guard one_job(job_mutex_);
    {
      std::lock_guard lock(mutex_);
      part_ = &part;
      parts_ = parts;
      pending_ = parts - 1;
      error_ = nullptr;
      ++job_;
    }
    wake_.notify_all();
    call(part, 0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return pending_ == 0; });
    part_ = nullptr;
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void call(const std::function<void(int)>& part, int index) {
    inside_parallel = true;
    try {
      part(index);
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    inside_parallel = false;
  }

  void work(int index) {
    uint64_t seen = 0;
    for (;;) {
      const std::function<void(int)>* part = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || job_ != seen; });
        if (stop_) return;
        seen = job_;
        if (index >= parts_) continue;
        part = part_;
      }
      call(*part, index);
      std::lock_guard lock(mutex_);
      if (--pending_ == 0) done_.notify_one();
    }
  }

  std::mutex job_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  const std::function<void(int)>* part_ = nullptr;
  int parts_ = 0;
  int pending_ = 0;
  uint64_t job_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
};

std::atomic<int> requested_threads = 0;

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

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const auto parts = static_cast<int>(std::min<int64_t>(thread_count(), (count + grain - 1) / grain));
  if (parts <= 1 || inside_parallel) return body(0, count);
  const int64_t each = ((count + parts - 1) / parts + grain - 1) / grain * grain;
  pool(thread_count())->run(parts, [&](int part) {
    const int64_t begin = part * each;
    if (begin < count) body(begin, std::min(begin + each, count));
  });
}

}  // namespace t6
