// Products of quantized and of bfloat16 weights in bfloat16 by matrix tiles: a slice of weights is made bfloat16
// numbers once for all rows of a part, and nothing is left to do but multiply and add.

#if defined(T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
#endif

#include <algorithm>

#include "t6/core/rounding.h"
#include "t6/kernels/linear/matmul_task.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/linear/tiled_part-inl.h"
#include "t6/kernels/linear/weight_tiles-inl.h"

#if HWY_TARGET == HWY_AVX3_DL  // what processors with tiles run

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr int64_t kTiledGroups = kTiledColumns / kWeightGroup;  // multiplied together

// Fetches the weights that are made tiles next, while tiles are multiplied and memory has nothing to do.
class NextWeights {
 public:
  // Those of columns [k, k + depth) of a group, fetched by `rows` rows.
  NextWeights(int64_t k, int64_t depth, int64_t rows)
      : k_(k), depth_(depth), parts_(divide_up(rows, kMatrixTileRows) * divide_up(depth, kTiledSlice)) {}
  void add(const MatmulTask& p, int64_t group) {
    const std::byte* weights = p.w + group * p.group_bytes;
    from_[count_] = weights + p.group_bytes * k_ / p.K;
    bytes_[count_++] = p.group_bytes * depth_ / p.K;
  }
  // A part of them, for 32 rows of a slice.
  HWY_INLINE void fetch() {
    constexpr int64_t kLine = 64;
    const int64_t begin = part_++;
    for (int64_t i = 0; i < count_; ++i) {
      const int64_t end = bytes_[i] * part_ / parts_;
      for (int64_t at = bytes_[i] * begin / parts_; at < end; at += kLine) __builtin_prefetch(from_[i] + at, 0, 2);
    }
  }

 private:
  int64_t k_, depth_, parts_, part_ = 0, count_ = 0;
  const std::byte* from_[kTiledGroups];
  int64_t bytes_[kTiledGroups];
};

// Fetches outputs that are written next.
inline void fetch_outputs(const MatmulTask& p, int64_t t, int64_t rows, int64_t group, int64_t groups) {
  for (int64_t r = 0; r < std::min<int64_t>(rows, kMatrixTileRows); ++r) {
    const float* row = p.y + (t + r) * p.y_stride + group * kWeightGroup;
    for (int64_t g = 0; g < groups; ++g) __builtin_prefetch(row + g * kWeightGroup, 1);
  }
}

// Outputs of 32 rows, or as many as there are, from row t on, of `groups` groups; `more`: they are added.
inline void store_tiled_outputs(const MatmulTask& p, int64_t t, int64_t rows, int64_t group, int64_t groups, bool more,
                                const float* sums) {
  fetch_outputs(p, t + kMatrixTileRows, rows - kMatrixTileRows, group, groups);
  for (int64_t pair = 0; pair < groups; pair += 2) {
    for (int64_t r = 0; r < std::min<int64_t>(rows, kMatrixTileRows); ++r) {
      const float* row = sums + (pair / 2 * kMatrixTileRows + r) * kMatrixTileColumns;
      for (int64_t g = pair; g < std::min(groups, pair + 2); ++g, row += kWeightGroup) {
        store_outputs(p, t + r, group + g, hn::Load(Floats(), row), more);
      }
    }
  }
}

// Rows from a multiple of 32 on.
inline void multiply_tiles(const MatmulTask& p, const MatmulRange& rows) {
  HWY_ALIGN std::byte panel[kTiledGroups * kPanelBytes];
  const WriteWeightTiles write = weight_tiles_writer(p.type);
  TiledPart part = {.x = p.bfloats,
                    .K = p.K,
                    .t_begin = rows.t_begin,
                    .t_end = rows.t_end,
                    .column_row = kWeightGroup * int64_t{sizeof(uint32_t)}};
  for (part.k = 0; part.k < p.K; part.k += kTiledDepth) {
    part.depth = std::min(p.K - part.k, kTiledDepth);
    for (int64_t group = rows.group_begin; group < rows.group_end; group += kTiledGroups) {
      part.halves = std::min(kTiledGroups, rows.group_end - group);
      const auto columns = [&](int64_t k, int64_t depth) {
        TiledColumns from = {};
        for (int64_t g = 0; g < part.halves; ++g) {
          from[static_cast<size_t>(g)] = weight_tiles(p, write, group + g, k, depth, panel + g * kPanelBytes);
        }
        return from;
      };
      NextWeights next(part.k, part.depth, rows.t_end - rows.t_begin);
      const int64_t after = group + kTiledGroups;
      for (int64_t g = after; g < std::min(after + kTiledGroups, rows.group_end); ++g) next.add(p, g);
      multiply_tiled_part(part, columns, [&](int64_t t, const float* of_rows, bool whole) HWY_ATTR {
        next.fetch();
        if (!whole) return;
        store_tiled_outputs(p, t, rows.t_end - t, group, part.halves, part.k > 0, of_rows);
      });
    }
  }
}

// Of a gated feed-forward layer, whose two products are of the same x with as many outputs, groups [group_begin,
// group_end), an even number: store(t, group, gate, up) takes 32 rows from t on of both, [32, 32], of the two groups
// from `group` on. Precondition: K is at most kTiledDepth.
template <typename Store>
void multiply_gated_tiles(const MatmulTask& gate, const MatmulTask& up, const MatmulRange& rows, const Store& store) {
  HWY_ALIGN std::byte panel[kTiledGroups * kPanelBytes];
  const MatmulTask* const tasks[] = {&gate, &up};
  TiledPart part = {.x = gate.bfloats,
                    .K = gate.K,
                    .t_begin = rows.t_begin,
                    .t_end = rows.t_end,
                    .depth = gate.K,
                    .halves = kTiledGroups,
                    .column_row = kWeightGroup * int64_t{sizeof(uint32_t)}};
  for (int64_t group = rows.group_begin; group < rows.group_end; group += 2) {
    const auto columns = [&](int64_t k, int64_t depth) {
      TiledColumns from = {};
      for (int64_t i = 0; i < kTiledGroups; ++i) {
        const MatmulTask& p = *tasks[i / 2];
        from[static_cast<size_t>(i)] =
            weight_tiles(p, weight_tiles_writer(p.type), group + i % 2, k, depth, panel + i * kPanelBytes);
      }
      return from;
    };
    NextWeights next(0, gate.K, rows.t_end - rows.t_begin);
    for (int64_t i = 0; i < kTiledGroups && group + 2 < rows.group_end; ++i) next.add(*tasks[i / 2], group + 2 + i % 2);
    multiply_tiled_part(part, columns, [&](int64_t t, const float* of_rows, bool whole) HWY_ATTR {
      next.fetch();
      if (!whole) return;
      store(t, group, of_rows, of_rows + kMatrixTileRows * kMatrixTileColumns);
    });
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_AVX3_DL

#endif  // T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
