// Threads for loops over independent parts.
#pragma once

#include <cstdint>

namespace t6 {

// More than any machine has, and few enough for a job's ranges to be counted in 16 bits.
inline constexpr int kMostThreads = 4096;

// Threads that parallel_for uses from now on; by default all that the process may run on. Error: not from 1 to
// kMostThreads.
void set_thread_count(int count);
int thread_count();

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

// Calls body(begin, end) for ranges that cover [0, count), each at least `grain` long (but one that is all there is),
// on up to thread_count() threads, and returns when all are done. The ranges depend on count, grain, thread_count()
// and whose threads they are (below) alone, which thread takes which does not. The first exception of a range is thrown
// again here. Nested calls run in the calling thread. A call costs less than a microsecond when another one came
// shortly before; some tens when the threads have gone to sleep since.
void parallel_for(int64_t count, int64_t grain, RangeFunction body);

// Calls part(i, i + 1) for i in [0, parts), each once and as many at a time as it has threads, and returns when all are
// done or throws an exception of one of them.
using PartRunner = void (*)(int parts, RangeFunction part);

// From now on parallel_for uses another library's threads, so that they and its own never wait for each other's
// processors. Null: its own again.
void set_part_runner(PartRunner runner);

}  // namespace t6
