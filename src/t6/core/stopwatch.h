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

// What the calling thread has taken of its processor since this was made, in seconds; for that thread alone.
class ThreadStopwatch {
 public:
  double seconds() const { return now() - begin_; }

 private:
  static double now() {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  double begin_ = now();
};

}  // namespace t6
