#include "t6/ops/threads.h"

#include <ATen/Parallel.h>

namespace t6 {
namespace {

Threads torch_threads() {
  return {at::get_num_threads(), [](int parts, RangeFunction part) {
            at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
              for (int64_t i = begin; i < end; ++i) part(i, i + 1);
            });
          }};
}

}  // namespace

Context& torch_context() {
  thread_local Context context(torch_threads());
  if (context.thread_count() != at::get_num_threads()) context.set_threads(torch_threads());
  return context;
}

}  // namespace t6
