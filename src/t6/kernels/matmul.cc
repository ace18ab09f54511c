#include "t6/kernels/matmul.h"

#include <algorithm>
#include <vector>

#include "t6/core/error.h"
#include "t6/kernels/linear/matmul_task.h"
#include "t6/kernels/linear/matrix_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/linear/matmul_floats-inl.h"
#include "t6/kernels/linear/matmul_matrix_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

void multiply(const MatmulTask& p, const MatmulRange& part) {
  switch (p.type) {
    case NumberType::f32:
      return multiply_floats<NumberType::f32>(p, part);
    case NumberType::bf16:
      return multiply_floats<NumberType::bf16>(p, part);
    case NumberType::f16:
      return multiply_floats<NumberType::f16>(p, part);
    case NumberType::q8_0:
      return multiply_bytes<BlockStrips<NumberType::q8_0>>(p, part);
    case NumberType::q4_1:
      return multiply_bytes<BlockStrips<NumberType::q4_1>>(p, part);
    case NumberType::q2_k:
      return multiply_bytes<SuperBlockStrips<SuperBlockQ2K>>(p, part);
    case NumberType::q3_k:
      return multiply_bytes<SuperBlockStrips<SuperBlockQ3K>>(p, part);
    case NumberType::q4_k:
      return multiply_bytes<SuperBlockStrips<SuperBlockQ4K>>(p, part);
    case NumberType::q5_k:
      return multiply_bytes<SuperBlockStrips<SuperBlockQ5K>>(p, part);
    default:  // Q6_K, the last of kSuperBlockTypes
      return multiply_bytes<SuperBlockStrips<SuperBlockQ6K>>(p, part);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(multiply);

namespace {

// Multiply-adds that are worth a hand-over to another thread (about a microsecond).
constexpr int64_t kGrain = 1 << 16;

MatmulTask task_of(const Matmul& m, const ActivationBlock* blocks, bool matrix_tiles) {
  const WeightMatrix& w = *m.w;
  return {.type = w.type(),
          .w = w.group(0),
          .group_bytes = w.group_bytes(),
          .x = m.x,
          .blocks = blocks,
          .y = m.y,
          .bias = m.bias,
          .N = w.rows(),
          .K = w.columns(),
          .x_stride = m.x_stride ? m.x_stride : w.columns(),
          .y_stride = m.y_stride ? m.y_stride : w.rows(),
          .accumulate = m.accumulate,
          .matrix_tiles = matrix_tiles};
}

// Groups [begin, end) of all products' groups one after the other.
void multiply_groups(std::span<const Matmul> products, const ActivationBlock* blocks, bool matrix_tiles,
                     MatmulRange part) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(multiply);
  int64_t first = 0;
  const int64_t begin = part.group_begin, end = part.group_end;
  for (const Matmul& m : products) {
    const int64_t groups = m.w->groups();
    part.group_begin = std::clamp<int64_t>(begin - first, 0, groups);
    part.group_end = std::clamp<int64_t>(end - first, 0, groups);
    if (part.group_begin < part.group_end) kernel(task_of(m, blocks, matrix_tiles), part);
    first += groups;
  }
}

struct Memory {
  std::vector<ActivationBlock> blocks;
};

// x as blocks when a product needs them, in memory of the context.
const ActivationBlock* quantized_x(Context& context, std::span<const Matmul> products) {
  const auto needs = [](const Matmul& m) { return has_blocks(m.w->type()); };
  if (std::none_of(products.begin(), products.end(), needs)) return nullptr;
  std::vector<ActivationBlock>& blocks = context.memory<Memory>().blocks;
  const Matmul& m = products.front();
  const int64_t K = m.w->columns();
  const auto count = static_cast<size_t>(m.T * K / kWeightBlock);
  if (blocks.size() < count) blocks.resize(count);
  quantize_activations(context, m.x, m.T, K, m.x_stride ? m.x_stride : K, blocks.data());
  return blocks.data();
}

}  // namespace

void matmul(Context& context, const Matmul& product) { matmul(context, std::span(&product, 1)); }

void matmul(Context& context, std::span<const Matmul> products) {
  if (products.empty() || products.front().T <= 0) return;
  const int64_t T = products.front().T, K = products.front().w->columns();
  int64_t groups = 0;
  for (const Matmul& m : products) {
    require(m.x == products.front().x && m.T == T && m.x_stride == products.front().x_stride && m.w->columns() == K,
            "products of one job must have the same x");
    groups += m.w->groups();
  }
  const ActivationBlock* blocks = quantized_x(context, products);
  const bool matrix_tiles = has_matrix_tiles();
  const int64_t row_parts = (T + kPartRows - 1) / kPartRows;
  const int64_t cost = std::max<int64_t>(1, kWeightGroup * K * std::min(T, kPartRows));
  // Part i: group i % groups of rows i / groups.
  context.parallel_for(row_parts * groups, 1 + kGrain / cost, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t row_part = begin / groups, group = begin % groups;
      const int64_t count = std::min(groups - group, end - begin);
      multiply_groups(products, blocks, matrix_tiles,
                      {.t_begin = row_part * kPartRows,
                       .t_end = std::min(T, (row_part + 1) * kPartRows),
                       .group_begin = group,
                       .group_end = group + count});
      begin += count;
    }
  });
}

}  // namespace t6
#endif  // HWY_ONCE
