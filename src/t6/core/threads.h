// Threads for loops over independent parts.
#pragma once

#include <cstdint>
#include <memory>

namespace t6 {

// More than any machine has, and few enough for a job's ranges to be counted in 16 bits.
inline constexpr int kMostThreads = 4096;

// Processors that this process may run on: those of its affinity, and no more than its time is for (cpu_quota.h).
int processor_count();

// A function of a range that is called while the caller waits: refers to it and copies nothing.
class RangeFunction {
 public:
  template <typename Body>
  RangeFunction(const Body& body)  // implicit, so that a lambda can be given
      : body_(&body), call_([](const void* function, int64_t begin, int64_t end) {
          (*static_cast<const Body*>(function))(begin, end);
        }) {}
  void operator()(int64_t begin, int64_t end) const { call_(body_, begin, end); }

 private:
  const void* body_;
  void (*call_)(const void* body, int64_t begin, int64_t end);
};

// Calls part(i, i + 1) for i in [0, parts), each once and as many at a time as it has threads, and returns when all are
// done or throws an exception of one of them.
using PartRunner = void (*)(int parts, RangeFunction part);

class ThreadPool;

// Threads of our own or another library's. Copies are the same threads; any thread may call, one job runs at a time.
class Threads {
 public:
  // The caller and count - 1 threads that start with the first job. Error: not from 1 to kMostThreads.
  explicit Threads(int count = processor_count());
  // Another library's threads, so that they and ours never wait for each other's processors.
  Threads(int count, PartRunner runner);

  int count() const { return count_; }

  // Calls body(begin, end) for ranges that cover [0, count), each at least `grain` long (but one that is all there is),
  // and returns when all are done. The ranges depend on count, grain, this->count() and whose threads they are alone,
  // which thread takes which does not. With count <= this->count() and grain 1 each range is one index, so that index i
  // may use buffer i of as many as there are threads. The first exception of a range is thrown again here. Nested
  // calls, of any Threads, run in the calling thread. A call costs less than a microsecond when another one came
  // shortly before; some tens when the threads have gone to sleep since.
  void parallel_for(int64_t count, int64_t grain, RangeFunction body) const;

 private:
  int count_;
  PartRunner runner_ = nullptr;
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace t6
