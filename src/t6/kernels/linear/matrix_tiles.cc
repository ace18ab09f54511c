#include "t6/kernels/linear/matrix_tiles.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "t6/core/error.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace t6 {
namespace {

std::atomic<bool> allowed_here = true;

bool find_matrix_tiles();

}  // namespace

bool wants_matrix_tiles(const char* setting) {
  const std::string_view value = setting ? setting : "";
  require(value.empty() || value == "off", "T6_MATRIX_TILES is \"{}\"; wanted \"off\" or nothing", value);
  return value.empty();
}

bool has_matrix_tiles() {
  static const bool has = wants_matrix_tiles(std::getenv("T6_MATRIX_TILES")) && find_matrix_tiles();
  return has && allowed_here.load(std::memory_order_relaxed);
}

void allow_matrix_tiles(bool allowed) { allowed_here.store(allowed, std::memory_order_relaxed); }

#if defined(__x86_64__) && defined(__linux__)
#define T6_TILES __attribute__((target("amx-tile,amx-int8,amx-bf16")))

namespace {

constexpr uint32_t kTileStates = 1u << 17 | 1u << 18;  // of XCR0: the tiles' configuration and what is in them

bool processor_has_tiles() {
  constexpr uint32_t kNeeded = 1u << 22 | 1u << 24 | 1u << 25;  // AMX-BF16, AMX-TILE, AMX-INT8
  uint32_t a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kNeeded) == kNeeded;
}

bool system_keeps_tiles() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return false;
  uint32_t low = 0, high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileStates) == kTileStates;
}

// Linux keeps 8 KiB of tiles for each thread only of processes that ask, for all threads at once.
bool system_permits_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool find_matrix_tiles() { return processor_has_tiles() && system_keeps_tiles() && system_permits_tiles(); }

// As LDTILECFG reads it.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfiguration) == 64);

// Tiles 0 to 3 are of sums, 4 and 5 of A, 6 and 7 of B; instructions name them by literals.
T6_TILES void configure_tiles(int64_t rows, int64_t depth) {
  TileConfiguration tiles;
  for (int i = 0; i < 8; ++i) {
    tiles.rows[i] = static_cast<uint8_t>(i < 6 ? rows : depth / 4);
    tiles.row_bytes[i] = static_cast<uint16_t>(i == 4 || i == 5 ? depth : kTileLanes * 4);
  }
  asm volatile("" : : "r"(&tiles) : "memory");  // GCC 12 takes the instruction to read eight bytes
  _tile_loadconfig(&tiles);
}

T6_TILES void release_tiles() { _tile_release(); }

// AddressSanitizer does not see what tiles load and store: it is shown the ends of each row, `row` bytes apart.
void show_tile([[maybe_unused]] const void* at, [[maybe_unused]] int64_t row, [[maybe_unused]] int64_t rows) {
#if defined(__SANITIZE_ADDRESS__)
  const auto* first = static_cast<const volatile std::byte*>(at);
  for (int64_t r = 0; r < rows; ++r, first += row) static_cast<void>(first[0] | first[kTileLanes * 4 - 1]);
#endif
}

}  // namespace

// GCC 12 does not compile constructors for a target.
MatrixTiles::MatrixTiles(int64_t rows, int64_t depth) { configure_tiles(rows, depth); }
MatrixTiles::~MatrixTiles() { release_tiles(); }

// Two products at a time in different tiles, so that neither waits for the other (52 cycles); 16 cycles each keep the
// tiles' unit busy, and with it loads of A (8) and B (4) and the store of the sums (16).
T6_TILES void multiply_byte_tiles(const int8_t* const* x, int64_t x_stride, const std::byte* const* weights,
                                  int64_t count, int32_t* sums) {
  constexpr int kLine = kTileLanes * 4;
  asm volatile("" : : : "memory");  // GCC 12 does not know that tiles are loaded from memory
  int64_t i = 0;
  for (; i + 2 <= count; i += 2, sums += 2 * kMostTileRows * kTileLanes) {
    _tile_zero(0);
    _tile_loadd(4, x[i], x_stride);
    _tile_loadd(6, weights[i], kLine);
    _tile_dpbsud(0, 4, 6);
    _tile_zero(1);
    _tile_loadd(5, x[i + 1], x_stride);
    _tile_loadd(7, weights[i + 1], kLine);
    _tile_dpbsud(1, 5, 7);
    _tile_stored(0, sums, kLine);
    _tile_stored(1, sums + kMostTileRows * kTileLanes, kLine);
  }
  if (i == count) return;
  _tile_zero(0);
  _tile_loadd(4, x[i], x_stride);
  _tile_loadd(6, weights[i], kLine);
  _tile_dpbsud(0, 4, 6);
  _tile_stored(0, sums, kLine);
}

T6_TILES void multiply_bfloat_matrix_tile(const BfloatTileProduct& p) {
  constexpr int64_t kHalf = kMatrixTileRows / 2;
  const auto *a = static_cast<const std::byte*>(p.a), *b = static_cast<const std::byte*>(p.b);
  float* const lower = p.c + kHalf * p.c_row / int64_t{sizeof(float)};
  asm volatile("" : : : "memory");  // as above
  show_tile(p.c, p.c_row, kMatrixTileRows);
  show_tile(p.c + kTileLanes, p.c_row, kMatrixTileRows);
  if (p.accumulate) {
    _tile_loadd(0, p.c, p.c_row);
    _tile_loadd(1, p.c + kTileLanes, p.c_row);
    _tile_loadd(2, lower, p.c_row);
    _tile_loadd(3, lower + kTileLanes, p.c_row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t i = 0; i < p.steps; ++i, a += p.a_step, b += kMatrixTileDepth / 2 * p.b_row) {
    show_tile(a, p.a_row, kMatrixTileRows);
    show_tile(b, p.b_row, kMatrixTileDepth / 2);
    show_tile(b + p.b_half, p.b_row, kMatrixTileDepth / 2);
    _tile_loadd(4, a, p.a_row);
    _tile_loadd(6, b, p.b_row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b + p.b_half, p.b_row);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + kHalf * p.a_row, p.a_row);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, p.c, p.c_row);
  _tile_stored(1, p.c + kTileLanes, p.c_row);
  _tile_stored(2, lower, p.c_row);
  _tile_stored(3, lower + kTileLanes, p.c_row);
}

#else

namespace {

bool find_matrix_tiles() { return false; }

}  // namespace

MatrixTiles::MatrixTiles(int64_t, int64_t) { fail("this processor has no matrix tiles"); }
MatrixTiles::~MatrixTiles() = default;

void multiply_byte_tiles(const int8_t* const*, int64_t, const std::byte* const*, int64_t, int32_t*) {
  fail("this processor has no matrix tiles");
}
void multiply_bfloat_matrix_tile(const BfloatTileProduct&) { fail("this processor has no matrix tiles"); }

#endif

}  // namespace t6
