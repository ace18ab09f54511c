#include "t6/ops/threads.h"

#include <ATen/Parallel.h>

#include "t6/core/parallel.h"

namespace t6 {

void use_torch_threads() {
  set_part_runner([](int parts, RangeFunction part) {
    at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) part(i, i + 1);
    });
  });
  set_thread_count(at::get_num_threads());
}

}  // namespace t6
