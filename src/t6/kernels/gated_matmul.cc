#include "t6/kernels/gated_matmul.h"

#include <algorithm>

#include "t6/core/rounding.h"
#include "t6/kernels/linear/matmul_parts.h"
#include "t6/kernels/linear/rounded_x.h"
#include "t6/kernels/matmul.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/gated_matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/linear/matmul_bfloats-inl.h"
#include "t6/kernels/simd/gate-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL  // what processors with tiles run

// Two groups of outputs are one tile of `out`.
template <typename Function>
void multiply_gated_as(const MatmulTask& gate, const MatmulTask& up, const MatmulRange& rows, uint16_t* out,
                       const Function& function) {
  static_assert(2 * kWeightGroup == kMatrixTileDepth);
  multiply_gated_tiles(gate, up, rows, [&](int64_t t, int64_t group, const float* g, const float* u) HWY_ATTR {
    const Floats d;
    uint16_t* to = out + t * gate.N + group / 2 * kMatrixTileRows * kMatrixTileDepth;
    for (int64_t i = 0; i < kMatrixTileRows * kMatrixTileColumns; i += 2 * kLanes) {
      const auto gated = [&](int64_t at)
                             HWY_ATTR { return hn::Mul(function(hn::Load(d, g + at)), hn::Load(d, u + at)); };
      store_bfloats(gated(i), gated(i + kLanes), to + i);
    }
  });
}

void multiply_gated(const MatmulTask& gate, const MatmulTask& up, Gate function, const MatmulRange& rows,
                    uint16_t* out) {
  with_gate<RoundedLogistic>(function, [&](auto of) HWY_ATTR { multiply_gated_as(gate, up, rows, out, of); });
}

#else

void multiply_gated(const MatmulTask&, const MatmulTask&, Gate, const MatmulRange&, uint16_t*) {}

#endif

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(multiply_gated);

namespace {
// Pairs of groups of weights that a thread takes at once, so that rows of x come from memory as seldom.
constexpr int64_t kPairGrain = 4;
}  // namespace

bool can_multiply_gated(const WeightMatrix& gate, const WeightMatrix& up, const WeightMatrix& down) {
  const auto usable = [](const WeightMatrix& w) { return multiplies_bfloats({.w = &w, .bfloats = true}); };
  return usable(gate) && usable(up) && usable(down) && gate.columns() <= kTiledDepth;
}

void gated_matmul(Context& context, const GatedMatmul& m) {
  if (m.T <= 0) return;
  const auto kernel = HWY_DYNAMIC_DISPATCH(multiply_gated);
  const int64_t K = m.gate->columns(), pairs = m.gate->rows() / kMatrixTileColumns;  // of groups
  MatmulTask gate = task_of(*m.gate), up = task_of(*m.up);
  gate.bfloats = up.bfloats = m.tiles ? m.tiles : rounded_x(context, m.x, m.T, K, K);
  for_matmul_parts(context, m.T, tiled_part_rows(m.T), pairs, kPairGrain,
                   [&](int64_t t_begin, int64_t t_end, int64_t begin, int64_t end) {
                     kernel(gate, up, m.function, {t_begin, t_end, 2 * begin, 2 * end}, m.out);
                   });
}

}  // namespace t6
#endif  // HWY_ONCE
