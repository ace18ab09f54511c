#include "t6/kernels/attention/factor_rows.h"

#include <algorithm>

#include "t6/kernels/pointwise.h"
#include "t6/kernels/rotary.h"

namespace t6 {
namespace {

// Numbers of one kind of factor of a token, [vectors, width] as they are stored, wherever that is.
void read_factors(const FactorView& view, const PagedStream& stream, const float* numbers, int64_t stride,
                  int64_t count, int64_t token, float* out) {
  if (view.pages && stream.width > 0) {
    read_token(stream, view.pages[token / kPageTokens], token % kPageTokens, out);
  } else {
    std::copy_n(numbers + token * stride, count, out);
  }
}

// vec(b' (outer) c): b' in row[0, base) becomes row[j * base + i] = b'[i] c[j], the last block first.
void multiply_third(float* row, int64_t base, const float* c, int64_t third) {
  for (int64_t j = third - 1; j >= 0; --j) {
    for (int64_t i = 0; i < base; ++i) row[j * base + i] = row[i] * c[j];
  }
}

}  // namespace

bool finished_on_use(const FactorView& view) { return view.has_c() || view.norm_weight || view.rotary; }

void write_factor_rows(const FactorView& view, int64_t begin, int64_t end, RowBuffers& buffers, float* out) {
  const int64_t features = view.features, base = features / view.third, token = view.rank * features;
  auto& [stored, third] = buffers;
  stored.resize(static_cast<size_t>(view.rank * std::max(base, view.paged_b.width)));
  third.resize(static_cast<size_t>(view.rank * view.third));
  for (int64_t t = begin; t < end; ++t, out += token) {
    if (t < 0) {
      std::fill_n(out, token, 0.0f);
      continue;
    }
    read_factors(view, view.paged_b, view.b, view.b_stride, view.rank * base, t, stored.data());
    const int64_t width = view.pages && view.paged_b.width > 0 ? view.paged_b.width : base;
    for (int64_t r = 0; r < view.rank; ++r) std::copy_n(stored.data() + r * width, base, out + r * features);
    if (view.norm_weight) {
      rms_norm({.x = out,
                .weight = view.norm_weight,
                .out = out,
                .rows = view.rank,
                .width = base,
                .x_stride = features,
                .out_stride = features,
                .epsilon = view.norm_epsilon});
    }
    if (view.rotary) rotate(out, view.rank, features, view.rotary + t * view.rotary_dim, view.rotary_dim);
    if (!view.has_c()) continue;
    read_factors(view, view.paged_c, view.c, view.c_stride, view.rank * view.third, t, third.data());
    for (int64_t r = 0; r < view.rank; ++r) {
      multiply_third(out + r * features, base, third.data() + r * view.third, view.third);
    }
  }
}

void write_head_rows(const FactorView& view, int64_t heads, int64_t begin, int64_t end, float* out) {
  const int64_t token = view.rank * heads;
  for (int64_t t = begin; t < end; ++t, out += token) {
    if (t < 0) {
      std::fill_n(out, token, 0.0f);
    } else {
      read_factors(view, view.paged_a, view.a, view.a_stride, token, t, out);
    }
  }
}

}  // namespace t6
