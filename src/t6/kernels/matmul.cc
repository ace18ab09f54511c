#include "t6/kernels/matmul.h"

#include <algorithm>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/kernels/linear/bfloat_tile.h"
#include "t6/kernels/linear/matmul_parts.h"
#include "t6/kernels/linear/matmul_task.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/linear/rounded_x.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/linear/matmul_bfloats-inl.h"
#include "t6/kernels/linear/matmul_floats-inl.h"
#include "t6/kernels/linear/matmul_matrix_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

void multiply(const MatmulTask& p, const MatmulRange& part) {
#if HWY_TARGET == HWY_AVX3_DL
  if (p.bfloats) return multiply_tiles(p, part);
#endif
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

// Whether multiply() takes MatmulTask::bfloats.
bool takes_bfloat_tiles() { return HWY_TARGET == HWY_AVX3_DL; }

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(multiply);
HWY_EXPORT(takes_bfloat_tiles);

namespace {

// Multiply-adds that are worth a hand-over to another thread (about a microsecond).
constexpr int64_t kGrain = 1 << 16;

// x in the forms in which products take it, and how many of its rows they take at once.
struct PreparedX {
  const ActivationBlock* blocks = nullptr;
  const uint16_t* bfloats = nullptr;
  int64_t part_rows = kPartRows;
  int64_t unit = 1;   // groups of weights that are multiplied together
  int64_t grain = 1;  // units that a part has at least
};

MatmulTask task_of(const Matmul& m, const PreparedX& x, bool matrix_tiles) {
  MatmulTask task = task_of(*m.w);
  task.x = m.x;
  task.blocks = x.blocks;
  task.bfloats = x.bfloats;
  task.y = m.y;
  task.bias = m.bias;
  task.x_stride = m.x_stride ? m.x_stride : task.K;
  task.y_stride = m.y_stride ? m.y_stride : task.N;
  task.accumulate = m.accumulate;
  task.matrix_tiles = matrix_tiles;
  return task;
}

// Groups [begin, end) of all products' groups one after the other.
void multiply_groups(std::span<const Matmul> products, const PreparedX& x, bool matrix_tiles, MatmulRange part) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(multiply);
  int64_t first = 0;
  const int64_t begin = part.group_begin, end = part.group_end;
  for (const Matmul& m : products) {
    const int64_t groups = m.w->groups();
    part.group_begin = std::clamp<int64_t>(begin - first, 0, groups);
    part.group_end = std::clamp<int64_t>(end - first, 0, groups);
    if (part.group_begin < part.group_end) kernel(task_of(m, x, matrix_tiles), part);
    first += groups;
  }
}

struct Memory {
  std::vector<ActivationBlock> blocks;
  std::vector<Matmul> tiled, others;
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

// x as MatmulTask::bfloats.
const uint16_t* tiles_of(Context& context, const Matmul& m) {
  const int64_t K = m.w->columns();
  return m.tiles ? m.tiles : rounded_x(context, m.x, m.T, K, m.x_stride ? m.x_stride : K);
}

void multiply_all(Context& context, std::span<const Matmul> products, const PreparedX& x, bool matrix_tiles) {
  const int64_t T = products.front().T, K = products.front().w->columns();
  int64_t groups = 0;
  for (const Matmul& m : products) groups += m.w->groups();
  const int64_t cost = std::max<int64_t>(1, x.unit * kWeightGroup * K * std::min(T, x.part_rows));
  for_matmul_parts(
      context, T, x.part_rows, divide_up(groups, x.unit), std::max(x.grain, 1 + kGrain / cost),
      [&](int64_t t_begin, int64_t t_end, int64_t begin, int64_t end) {
        multiply_groups(products, x, matrix_tiles, {t_begin, t_end, begin * x.unit, std::min(groups, end * x.unit)});
      });
}

}  // namespace

int64_t tiled_numbers(int64_t T, int64_t K) { return round_up(T, kMatrixTileRows) * K; }

bool has_bfloat_matmul() {
  return has_matrix_tiles() && has_bfloat_tile() && HWY_DYNAMIC_DISPATCH(takes_bfloat_tiles)();
}

bool multiplies_bfloats(const Matmul& m) {
  const int64_t K = m.w->columns();
  const bool usable = has_blocks(m.w->type()) || m.w->type() == NumberType::bf16;
  return m.bfloats && usable && K > 0 && K % kMatrixTileDepth == 0 && has_bfloat_matmul();
}

void matmul(Context& context, const Matmul& product) { matmul(context, std::span(&product, 1)); }

void matmul(Context& context, std::span<const Matmul> products) {
  if (products.empty() || products.front().T <= 0) return;
  const Matmul& first = products.front();
  for (const Matmul& m : products) {
    require(m.x == first.x && m.tiles == first.tiles && m.T == first.T && m.x_stride == first.x_stride &&
                m.w->columns() == first.w->columns(),
            "products of one job must have the same x");
  }
  const bool matrix_tiles = has_matrix_tiles();
  auto& [blocks, tiled, others] = context.memory<Memory>();
  if (std::any_of(products.begin(), products.end(), multiplies_bfloats)) {
    tiled.clear();
    others.clear();
    for (const Matmul& m : products) (multiplies_bfloats(m) ? tiled : others).push_back(m);
    multiply_all(context, tiled,
                 {.bfloats = tiles_of(context, first), .part_rows = tiled_part_rows(first.T), .unit = 2, .grain = 4},
                 matrix_tiles);
    products = others;
    if (products.empty()) return;
  }
  multiply_all(context, products, {.blocks = quantized_x(context, products)}, matrix_tiles);
}

}  // namespace t6
#endif  // HWY_ONCE
