// Feature factors as rows of numbers, with everything done that a view leaves to be done on use.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/kernels/attention/buffers.h"

namespace t6 {

// Whether feature factors must be computed before they multiply: norm, rotation or third-order products.
bool finished_on_use(const FactorView& view);

// Writes rows [R, D] of each of tokens [begin, end) to out, [tokens, R, D]; tokens before 0 are zeros.
void write_factor_rows(const FactorView& view, int64_t begin, int64_t end, RowBuffers& buffers, float* out);

// Head factors [R, H] of tokens [begin, end); tokens before 0 are zeros. The view has head factors.
void write_head_rows(const FactorView& view, int64_t heads, int64_t begin, int64_t end, float* out);

}  // namespace t6
