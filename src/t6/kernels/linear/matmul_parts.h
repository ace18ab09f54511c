// How products with many rows and outputs are dealt out to threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "t6/core/rounding.h"
#include "t6/kernels/context.h"

namespace t6 {

// Calls body(t_begin, t_end, begin, end) on the context's threads for outputs [begin, end) of `outputs`, in whatever
// units, of rows [t_begin, t_end) of T: parts of part_rows rows, and of at least `grain` outputs where there are as
// many.
template <typename Body>
void for_matmul_parts(Context& context, int64_t T, int64_t part_rows, int64_t outputs, int64_t grain,
                      const Body& body) {
  // Part i: output i % outputs of rows i / outputs.
  context.parallel_for(divide_up(T, part_rows) * outputs, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t part = begin / outputs, first = begin % outputs, count = std::min(outputs - first, end - begin);
      body(part * part_rows, std::min(T, (part + 1) * part_rows), first, first + count);
      begin += count;
    }
  });
}

}  // namespace t6
