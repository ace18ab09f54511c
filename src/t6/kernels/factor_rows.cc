#include "t6/kernels/factor_rows.h"

#include <algorithm>

#include "t6/kernels/pointwise.h"
#include "t6/kernels/rotary.h"

namespace t6 {
namespace {

// vec(b' (outer) c) in place: the row holds b' in its first `base` numbers.
void multiply_third(float* row, int64_t base, const float* c, int64_t third) {
  for (int64_t j = third - 1; j >= 0; --j) {
    for (int64_t i = 0; i < base; ++i) row[j * base + i] = row[i] * c[j];
  }
}

}  // namespace

FactorRows factor_rows(const FactorView& view, int64_t begin, int64_t end, std::vector<float>& scratch) {
  if (!view.c && !view.norm_weight && !view.rotary) return {view.b + begin * view.b_stride, view.b_stride};
  const int64_t features = view.features, base = features / view.third, token = view.rank * features;
  scratch.resize(static_cast<size_t>((end - begin) * token));
  for (int64_t t = begin; t < end; ++t) {
    float* rows = scratch.data() + (t - begin) * token;
    for (int64_t r = 0; r < view.rank; ++r) {
      std::copy_n(view.b + t * view.b_stride + r * base, base, rows + r * features);
    }
    if (view.norm_weight) {
      rms_norm({.x = rows,
                .weight = view.norm_weight,
                .out = rows,
                .rows = view.rank,
                .width = base,
                .x_stride = features,
                .out_stride = features,
                .epsilon = view.norm_epsilon});
    }
    if (view.rotary) rotate(rows, view.rank, features, view.rotary + t * view.rotary_dim, view.rotary_dim);
    for (int64_t r = 0; view.c && r < view.rank; ++r) {
      multiply_third(rows + r * features, base, view.c + t * view.c_stride + r * view.third, view.third);
    }
  }
  return {scratch.data(), token};
}

}  // namespace t6
