#include "t6/kernels/gemm.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/gemm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/linear/gemm_blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A product of float32 matrices, as multiply_in_parts() takes it.
class FloatProduct {
 public:
  // A panel of B, [256, 32] floats of AVX-512, fills two thirds of a first-level cache of 48 KiB; the panels of A and
  // the tiles of C that pass it by have the rest.
  static constexpr int64_t kBlockDepth = 256;
  static constexpr int64_t kDepthStep = 1;
  static constexpr int kRows = kTileRows, kColumns = kTileColumns;

  explicit FloatProduct(const Gemm& product) : p_(product) {}

  int64_t M() const { return p_.M; }
  int64_t N() const { return p_.N; }
  int64_t K() const { return p_.K; }
  static int64_t panel_depth(int64_t depth) { return depth; }
  static bool keeps_sums() { return false; }
  bool packs_rows_in_steps() const { return p_.transpose_a; }

  void pack_rows(int64_t row, int64_t rows, const GemmDepth& at, float* panel) const {
    const int64_t stride = p_.a_stride;
    const float* data = p_.a + (p_.transpose_a ? at.k * stride + row : row * stride + at.k);
    pack_panel<kTileRows>({data, stride, p_.transpose_a}, rows, at.depth, panel);
  }
  void pack_columns(int64_t column, int64_t columns, const GemmDepth& at, float* panel) const {
    const int64_t stride = p_.b_stride;
    const float* data = p_.b + (p_.transpose_b ? column * stride + at.k : at.k * stride + column);
    pack_panel<kTileColumns>({data, stride, !p_.transpose_b}, columns, at.depth, panel);
  }

  // Multiplies a packed block of A by a packed panel of B.
  void multiply_panel(const float* a, const float* b, const GemmPart& part, const GemmDepth& at,
                      float* /*sums*/) const {
    TileResult result = {.c = p_.c + part.row * p_.c_stride + part.column,
                         .stride = p_.c_stride,
                         .columns = part.columns,
                         .accumulate = p_.accumulate || at.k > 0};
    for (int64_t row = 0; row < part.rows; row += kTileRows, a += at.depth * kTileRows) {
      result.rows = std::min<int64_t>(kTileRows, part.rows - row);
      if (result.rows == kTileRows && result.columns == kTileColumns) {
        multiply_tile<true>(a, b, at.depth, result);
      } else {
        multiply_tile<false>(a, b, at.depth, result);
      }
      result.c += kTileRows * result.stride;
    }
  }

 private:
  const Gemm& p_;
};

void multiply_floats(Context& context, const Gemm& p, int64_t threads) {
  multiply_in_parts(context, FloatProduct(p), threads);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(multiply_floats);

void gemm(Context& context, const Gemm& product) {
  // Multiply-adds that are worth a thread's start (some 10 microseconds).
  constexpr int64_t kGrain = 500'000;

  Gemm p = product;
  if (p.M <= 0 || p.N <= 0) return;
  if (p.a_stride == 0) p.a_stride = p.transpose_a ? p.M : p.K;
  if (p.b_stride == 0) p.b_stride = p.transpose_b ? p.K : p.N;
  if (p.c_stride == 0) p.c_stride = p.N;
  if (p.K <= 0) {
    for (int64_t m = 0; !p.accumulate && m < p.M; ++m) std::fill_n(p.c + m * p.c_stride, p.N, 0.0f);
    return;
  }
  HWY_DYNAMIC_DISPATCH(multiply_floats)
  (context, p, std::clamp<int64_t>(p.M * p.N * p.K / kGrain, 1, context.thread_count()));
}

}  // namespace t6
#endif  // HWY_ONCE
