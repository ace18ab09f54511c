// Time since something began: by the clock, and of the processor.
#pragma once

#include <time.h>

#include <chrono>

namespace t6 {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

// What the calling thread has taken of its processor, in seconds.
inline double thread_seconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The same since this was made, for the thread that made it.
class ThreadStopwatch {
 public:
  double seconds() const { return thread_seconds() - begin_; }

 private:
  double begin_ = thread_seconds();
};

}  // namespace t6
