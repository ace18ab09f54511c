// Feature factors as the attention kernels read them: rows of D numbers, ready to multiply.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/kernels/attention.h"

namespace t6 {

// Row of rank r of the view's token begin + i: data + i * token_stride + r * features.
struct FactorRows {
  const float* data = nullptr;
  int64_t token_stride = 0;
};

// Rows of tokens [begin, end) of the view: in place where b is stored ready, else made in `scratch` (third-order
// products, norm and rotation on use).
FactorRows factor_rows(const FactorView& view, int64_t begin, int64_t end, std::vector<float>& scratch);

}  // namespace t6
