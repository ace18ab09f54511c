// Threads for loops over independent parts.
#pragma once

#include <cstdint>
#include <functional>

namespace t6 {

// Threads that parallel_for uses from now on; by default all that the process may run on. Error: below 1.
void set_thread_count(int count);
int thread_count();

// Calls body(begin, end) for consecutive ranges that cover [0, count), each at least `grain` long (but the
// last), on up to thread_count() threads, and returns when all are done. The split depends on count, grain
// and thread_count() alone. The first exception of a range is thrown again here. Nested calls run in the
// calling thread.
void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace t6
