#include "t6/kernels/matmul.h"

#include <algorithm>

#include "t6/core/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Both operands run along K, so a tile keeps rows x columns vector sums and adds up their lanes at the end. The
// tile fills the registers: 6 x 4 of 32, 3 x 4 of the 16 that x86 has before AVX-512.
constexpr int kTileRows = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3 ? 3 : 6;
constexpr int kTileColumns = 4;
// Four rows of W of this length and six of x fit into the first-level cache together.
constexpr int64_t kBlockK = 1024;
// Rows of x whose block stays in the second-level cache while W streams by.
constexpr int64_t kBlockT = 96;

// Lane c: the sum of the lanes of v[c]. Adds neighbours first, in every tile alike.
HWY_INLINE void store_sums(const Vector (&v)[kTileColumns], float* to, bool accumulate) {
#if HWY_TARGET == HWY_SCALAR
  float sums[kTileColumns];
  T6_UNROLL
  for (int c = 0; c < kTileColumns; ++c) sums[c] = hn::GetLane(v[c]);
#else
  const Floats d;
  const auto pair = [d](Vector a, Vector b)
                        HWY_ATTR { return hn::Add(hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a)); };
  Vector all = pair(pair(v[0], v[1]), pair(v[2], v[3]));
  for (size_t lanes = hn::Lanes(d); lanes > kTileColumns; lanes /= 2) all = pair(all, all);
  HWY_ALIGN float sums[HWY_MAX(kTileColumns, hn::MaxLanes(d))];
  hn::Store(all, d, sums);
#endif
  T6_UNROLL
  for (int c = 0; c < kTileColumns; ++c) to[c] = accumulate ? to[c] + sums[c] : sums[c];
}

template <int kRows>
HWY_INLINE void multiply_tile(const Matmul& p, int64_t t, int64_t n, int64_t k, int64_t depth, int columns) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vector sums[kRows][kTileColumns];
  const float *x[kRows], *w[kTileColumns];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    x[r] = p.x + (t + r) * p.x_stride + k;
    T6_UNROLL
    for (int c = 0; c < kTileColumns; ++c) sums[r][c] = hn::Zero(d);
  }
  // A narrow tile repeats its last column, so that every column is summed by the same code.
  T6_UNROLL
  for (int c = 0; c < kTileColumns; ++c) w[c] = p.w + (n + std::min(c, columns - 1)) * p.K + k;
  int64_t i = 0;
  for (; i + lanes <= depth; i += lanes) {
    Vector row[kRows];
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) row[r] = hn::LoadU(d, x[r] + i);
    T6_UNROLL
    for (int c = 0; c < kTileColumns; ++c) {
      const Vector column = hn::LoadU(d, w[c] + i);
      T6_UNROLL
      for (int r = 0; r < kRows; ++r) sums[r][c] = hn::MulAdd(row[r], column, sums[r][c]);
    }
  }
  if (i < depth) {
    const auto rest = static_cast<size_t>(depth - i);
    Vector row[kRows];
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) row[r] = load_first(d, x[r] + i, rest);
    T6_UNROLL
    for (int c = 0; c < kTileColumns; ++c) {
      const Vector column = load_first(d, w[c] + i, rest);
      T6_UNROLL
      for (int r = 0; r < kRows; ++r) sums[r][c] = hn::MulAdd(row[r], column, sums[r][c]);
    }
  }
  const bool accumulate = p.accumulate || k > 0;
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    float* y = p.y + (t + r) * p.y_stride + n;
    if (columns == kTileColumns) {
      store_sums(sums[r], y, accumulate);
      continue;
    }
    float narrow[kTileColumns];
    store_sums(sums[r], narrow, false);
    T6_UNROLL
    for (int c = 0; c < columns; ++c) y[c] = accumulate ? y[c] + narrow[c] : narrow[c];
  }
}

template <int kRows = kTileRows - 1>
void multiply_last_rows(const Matmul& p, int64_t t, int64_t end, int64_t n, int64_t k, int64_t depth, int columns) {
  if constexpr (kRows > 0) {
    if (end - t == kRows) return multiply_tile<kRows>(p, t, n, k, depth, columns);
    multiply_last_rows<kRows - 1>(p, t, end, n, k, depth, columns);
  }
}

// Rows [t_begin, t_end), columns [n_begin, n_end) of y.
void multiply(const Matmul& p, int64_t t_begin, int64_t t_end, int64_t n_begin, int64_t n_end) {
  for (int64_t t_block = t_begin; t_block < t_end; t_block += kBlockT) {
    const int64_t t_block_end = std::min(t_end, t_block + kBlockT);
    for (int64_t k = 0; k < p.K; k += kBlockK) {
      const int64_t depth = std::min(kBlockK, p.K - k);
      for (int64_t n = n_begin; n < n_end; n += kTileColumns) {
        const int columns = static_cast<int>(std::min<int64_t>(kTileColumns, n_end - n));
        int64_t t = t_block;
        for (; t + kTileRows <= t_block_end; t += kTileRows) multiply_tile<kTileRows>(p, t, n, k, depth, columns);
        multiply_last_rows(p, t, t_block_end, n, k, depth, columns);
      }
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(multiply);

void matmul(const Matmul& product) {
  // Multiply-adds that are worth a thread's start (some 10 microseconds).
  constexpr int64_t kGrain = 200'000;
  constexpr int64_t kColumnStep = 4, kRowStep = 24;  // multiples of every target's tile

  Matmul p = product;
  if (p.x_stride == 0) p.x_stride = p.K;
  if (p.y_stride == 0) p.y_stride = p.N;
  if (p.T <= 0 || p.N <= 0) return;
  const auto grain = [](int64_t cost, int64_t step) {
    return (kGrain / std::max<int64_t>(1, cost) + step) / step * step;
  };
  const auto kernel = HWY_DYNAMIC_DISPATCH(multiply);
  if (p.T > p.N) {
    parallel_for(p.T, grain(p.N * p.K, kRowStep), [&](int64_t begin, int64_t end) { kernel(p, begin, end, 0, p.N); });
  } else {
    parallel_for(p.N, grain(p.T * p.K, kColumnStep),
                 [&](int64_t begin, int64_t end) { kernel(p, 0, p.T, begin, end); });
  }
}

}  // namespace t6
#endif  // HWY_ONCE
