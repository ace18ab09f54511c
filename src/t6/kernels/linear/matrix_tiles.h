// Matrix tiles (Intel AMX): whether there are any, a thread's use of them, and the two products that they compute.
#pragma once

#include <cstddef>
#include <cstdint>

namespace t6 {

constexpr int kMostTileRows = 16;
constexpr int kTileLanes = 16;  // 32-bit lanes of a tile's row, each an output

// Whether kernels may use tiles here: the processor multiplies bytes and bfloat16 numbers in them, the system lets this
// process use them (it is asked once), and neither T6_MATRIX_TILES=off nor allow_matrix_tiles(false) forbids it.
// Error: T6_MATRIX_TILES is anything else.
bool has_matrix_tiles();

// For tests and measurements, which take both ways on a machine with tiles.
void allow_matrix_tiles(bool allowed);

// What T6_MATRIX_TILES says; null where it is not set. Error: neither empty nor "off".
bool wants_matrix_tiles(const char* setting);

// The present thread's tiles while it lives: those of A have `rows` rows of `depth` bytes along K, those of B hold four
// of these bytes in each lane, and sums are [rows, kTileLanes]. Tiles belong to a thread and do not work before this;
// left in use they would cost time whenever the system takes another thread. Precondition: has_matrix_tiles(), and
// none of this thread's is alive.
class MatrixTiles {
 public:
  // rows: 1 to kMostTileRows. depth: a multiple of 4 up to 64.
  MatrixTiles(int64_t rows, int64_t depth);
  ~MatrixTiles();
  MatrixTiles(const MatrixTiles&) = delete;
  MatrixTiles& operator=(const MatrixTiles&) = delete;
};

// `count` products of signed bytes in x with unsigned bytes: number i is x[i] [rows, depth], rows x_stride bytes apart,
// times weights[i] [depth / 4, kTileLanes, 4], and its exact sums go to sums + i * kMostTileRows * kTileLanes, [rows,
// kTileLanes]. Within the life of MatrixTiles(rows, depth).
void multiply_byte_tiles(const int8_t* const* x, int64_t x_stride, const std::byte* const* weights, int64_t count,
                         int32_t* sums);

// Of a bfloat16 product, numbers along K that tiles of 64 bytes take at once, and the rows and columns of 2 x 2 tiles
// of sums: with those four, two tiles of A and two of B each number that is loaded is multiplied twice, so that loads
// (8 cycles each) hide behind products (16).
constexpr int64_t kMatrixTileDepth = 32;
constexpr int kMatrixTileRows = 32;
constexpr int kMatrixTileColumns = 32;

// Where number k of row t of a matrix with K columns is in tiles, [rows / 32, K / 32, 32, 32].
constexpr int64_t place_in_tiles(int64_t t, int64_t k, int64_t K) {
  const int64_t row = t % kMatrixTileRows * kMatrixTileDepth + k % kMatrixTileDepth;
  return t / kMatrixTileRows * kMatrixTileRows * K + k / kMatrixTileDepth * kMatrixTileDepth * kMatrixTileRows + row;
}

// Products of 32 rows of a with 32 columns of b over `steps` times 32 numbers along K, as c or added to it. Strides are
// bytes: a row of a has the numbers of a step side by side, a row of b neighbours along K in pairs, the first in the
// low half.
struct BfloatTileProduct {
  const void* a = nullptr;
  int64_t a_row = 0, a_step = 0;  // from row to row, and to the next 32 numbers of all
  const void* b = nullptr;        // [16 steps, 32] pairs
  int64_t b_row = 0, b_half = 0;  // from row to row, and to the last 16 columns of all
  float* c = nullptr;
  int64_t c_row = 0;
  int64_t steps = 0;
  bool accumulate = false;
};

// Within the life of MatrixTiles(16, 64).
void multiply_bfloat_matrix_tile(const BfloatTileProduct& product);

}  // namespace t6
