#include "t6/kernels/bfloat_gemm.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/kernels/linear/bfloat_tile.h"
#include "t6/kernels/linear/matrix_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/bfloat_gemm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/linear/bfloat_panel-inl.h"
#include "t6/kernels/linear/gemm_blocks-inl.h"
#include "t6/kernels/linear/tiled_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Where the sums of a tile go, [rows, columns] of them.
struct BfloatResult {
  int64_t rows = 0, columns = 0;
  const float* before = nullptr;  // added; null: nothing
  float* floats = nullptr;        // or
  uint16_t* bfloats = nullptr;
  int64_t before_stride = 0, stride = 0;
};

// sums: rows kStride apart. kRounds: the processor rounds by itself (simd/bfloats-inl.h).
template <int kStride, bool kRounds>
void store_sums(const float* sums, const BfloatResult& to) {
  const Floats d;
  for (int64_t r = 0; r < to.rows; ++r) {
    const auto sum_at = [&](int64_t i) HWY_ATTR {
      const Vector sum = hn::Load(d, sums + r * kStride + i);
      return to.before ? hn::Add(load_up_to(d, to.before + r * to.before_stride + i, to.columns - i), sum) : sum;
    };
    int64_t i = 0;
    if (kRounds && to.bfloats) {
      for (; i + 2 * kLanes <= to.columns; i += 2 * kLanes) {
        store_bfloats(sum_at(i), sum_at(i + kLanes), to.bfloats + r * to.stride + i);
      }
    }
    for (; i < to.columns; i += kLanes) {
      if (to.floats) {
        store_up_to(sum_at(i), d, to.floats + r * to.stride + i, to.columns - i);
      } else {
        store_bfloats_up_to(sum_at(i), to.bfloats + r * to.stride + i, to.columns - i);
      }
    }
  }
}

// What multiplies two panels: float32 vectors, vectors of pairs, or matrix tiles.
enum class BfloatTile { floats, pairs, matrix };

// A product of bfloat16 numbers, as multiply_in_parts() takes it.
template <BfloatTile kTile>
class BfloatProduct {
  static constexpr bool kMatrix = kTile == BfloatTile::matrix;
  static constexpr PanelFloat kFloat = kTile == BfloatTile::floats ? PanelFloat::rounded : PanelFloat::pair;
  static constexpr int64_t kNumbers = kFloat == PanelFloat::pair ? 2 : 1;  // of a float
  static constexpr bool kRounds = kFloat == PanelFloat::pair;

 public:
  static constexpr int kRows = kMatrix ? kMatrixTileRows : kTileRows;
  static constexpr int kColumns = kMatrix ? int{kTiledColumns} : kTileColumns;
  static constexpr int64_t kDepthStep = kMatrix ? kMatrixTileDepth : kNumbers;
  // 768 numbers, the width of small models, in one block: sums then go straight to C. A panel of B, [384, 32] words or
  // twice that, comes from the second-level cache, which a block of A, 516 x 384, leaves room for in 1 MiB.
  static constexpr int64_t kBlockDepth = 384 * kNumbers;

  explicit BfloatProduct(const BfloatGemm& product) : p_(product) {}

  int64_t M() const { return p_.M; }
  int64_t N() const { return p_.N; }
  int64_t K() const { return p_.K; }
  static int64_t panel_depth(int64_t depth) { return round_up(depth, kDepthStep) / kNumbers; }
  // Only a whole sum is rounded.
  bool keeps_sums() const { return p_.c_type == NumberType::bf16 && p_.K > kBlockDepth; }
  bool packs_rows_in_steps() const { return kMatrix && p_.a.transposed; }

  void pack_rows(int64_t row, int64_t rows, const GemmDepth& at, float* panel) const {
    const MixedSource source = source_of(p_.a, p_.a.transposed, row, at);
    if constexpr (kMatrix) return pack_matrix_tile_rows<kRows>(source, rows, at.depth, panel);
    pack_bfloat_panel<kFloat, kRows>(source, rows, at.depth, panel);
  }
  void pack_columns(int64_t column, int64_t columns, const GemmDepth& at, float* panel) const {
    pack_bfloat_panel<kFloat, kColumns>(source_of(p_.b, !p_.b.transposed, column, at), columns, at.depth, panel);
    const int64_t used = divide_up(at.depth, kNumbers), depth = panel_depth(at.depth);
    if constexpr (kMatrix) std::fill(panel + used * kColumns, panel + depth * kColumns, 0.0f);
  }

  void multiply_panel(const float* a, const float* b, const GemmPart& part, const GemmDepth& at, float* sums) const {
    if constexpr (kMatrix) return multiply_by_matrix_tiles(a, b, part, at, sums);
    multiply_rows(a, b, part, at, sums);
  }

 private:
  static MixedSource source_of(const MixedMatrix& matrix, bool side_by_side, int64_t line, const GemmDepth& at) {
    MixedSource source = {matrix.numbers, matrix.type == NumberType::bf16, matrix.stride, side_by_side};
    source.data = source.at(side_by_side ? at.k * matrix.stride + line : line * matrix.stride + at.k);
    return source;
  }

  static float* at_place(float* sums, int64_t row, int64_t column) {
    return sums ? sums + row * kBlockColumns + column : nullptr;
  }

  HWY_INLINE void multiply_rows(const float* a, const float* b, const GemmPart& part, const GemmDepth& at,
                                float* sums) const {
    HWY_ALIGN float tile[kRows * kColumns];
    const int64_t depth = panel_depth(at.depth);
    for (int64_t row = 0; row < part.rows; row += kRows, a += depth * kRows) {
      if constexpr (kFloat == PanelFloat::pair) {
        multiply_bfloat_tile(a, b, depth, tile);
      } else {
        multiply_tile<true>(a, b, depth, {.c = tile, .stride = kColumns});
      }
      store_sums<kColumns, kRounds>(tile, result(part, row, at, at_place(sums, row, 0)));
    }
  }

  void multiply_by_matrix_tiles(const float* a, const float* b, const GemmPart& part, const GemmDepth& at,
                                float* sums) const {
    const int64_t depth = panel_depth(at.depth) * kNumbers;
    TiledPart rows = {.x = reinterpret_cast<const uint16_t*>(a),
                      .K = depth,
                      .t_end = part.rows,
                      .depth = depth,
                      .halves = divide_up(part.columns, kTileLanes),
                      .column_row = kColumns * int64_t{sizeof(float)}};
    const auto columns = [&](int64_t k, int64_t /*depth*/) {
      TiledColumns from = {};
      for (int64_t half = 0; half < rows.halves; ++half) {
        from[static_cast<size_t>(half)] = reinterpret_cast<const std::byte*>(b + k / 2 * kColumns + half * kTileLanes);
      }
      return from;
    };
    multiply_tiled_part(rows, columns, [&](int64_t row, const float* products, bool whole) HWY_ATTR {
      if (!whole) return;
      for (int64_t i = 0; i < part.columns; i += kMatrixTileColumns, products += kMatrixTileRows * kMatrixTileColumns) {
        const GemmPart tile = {part.row, part.rows, part.column + i,
                               std::min<int64_t>(kMatrixTileColumns, part.columns - i)};
        store_sums<kMatrixTileColumns, kRounds>(products, result(tile, row, at, at_place(sums, row, i)));
      }
    });
  }

  BfloatResult result(const GemmPart& part, int64_t row, const GemmDepth& at, float* sums) const {
    const int64_t place = (part.row + row) * p_.c_stride + part.column;
    BfloatResult to = {.rows = std::min<int64_t>(kRows, part.rows - row), .columns = part.columns};
    to.stride = to.before_stride = p_.c_stride;
    if (p_.c_type == NumberType::f32) {
      to.floats = static_cast<float*>(p_.c) + place;
      if (p_.accumulate || at.k > 0) to.before = to.floats;
      return to;
    }
    if (at.k > 0) to.before = sums;
    to.before_stride = kBlockColumns;
    if (at.k + at.depth < p_.K) {
      to.floats = sums;
      to.stride = kBlockColumns;
    } else {
      to.bfloats = static_cast<uint16_t*>(p_.c) + place;
    }
    return to;
  }

  const BfloatGemm& p_;
};

void multiply_bfloats(Context& context, const BfloatGemm& p, int64_t threads, bool matrix_tiles) {
  if constexpr (HWY_TARGET == HWY_AVX3_DL) {  // what processors with tiles run, which pack with the other tile's pairs
    if (matrix_tiles) return multiply_in_parts(context, BfloatProduct<BfloatTile::matrix>(p), threads);
  }
  if constexpr (kTileRows == kBfloatTileRows && kTileColumns == kBfloatTileColumns) {
    if (has_bfloat_tile()) return multiply_in_parts(context, BfloatProduct<BfloatTile::pairs>(p), threads);
  }
  multiply_in_parts(context, BfloatProduct<BfloatTile::floats>(p), threads);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {
namespace {

void check(const BfloatGemm& p) {
  const auto usable = [](NumberType type) { return type == NumberType::f32 || type == NumberType::bf16; };
  require(usable(p.a.type) && usable(p.b.type) && usable(p.c_type),
          "bfloat_gemm: matrices must be float32 or bfloat16, not {}, {} and {}", number_type_name(p.a.type),
          number_type_name(p.b.type), number_type_name(p.c_type));
  require(!p.accumulate || p.c_type == NumberType::f32, "bfloat_gemm: only float32 sums can be added to");
}

void clear(const BfloatGemm& p) {
  const int64_t bytes = p.c_type == NumberType::bf16 ? 2 : 4;
  for (int64_t m = 0; !p.accumulate && m < p.M; ++m) {
    std::fill_n(static_cast<char*>(p.c) + m * p.c_stride * bytes, p.N * bytes, 0);
  }
}

}  // namespace

HWY_EXPORT(multiply_bfloats);

bool has_bfloat_products() { return has_bfloat_tile(); }

void bfloat_gemm(Context& context, const BfloatGemm& product) {
  // Multiply-adds that are worth a thread's start (some 10 microseconds).
  constexpr int64_t kGrain = 1'000'000;

  BfloatGemm p = product;
  check(p);
  if (p.M <= 0 || p.N <= 0) return;
  if (p.a.stride == 0) p.a.stride = p.a.transposed ? p.M : p.K;
  if (p.b.stride == 0) p.b.stride = p.b.transposed ? p.K : p.N;
  if (p.c_stride == 0) p.c_stride = p.N;
  if (p.K <= 0) return clear(p);
  const int64_t threads = std::clamp<int64_t>(p.M * p.N * p.K / kGrain, 1, context.thread_count());
  const bool matrix_tiles = has_matrix_tiles() && has_bfloat_tile();
  HWY_DYNAMIC_DISPATCH(multiply_bfloats)(context, p, threads, matrix_tiles);
}

}  // namespace t6
#endif  // HWY_ONCE
