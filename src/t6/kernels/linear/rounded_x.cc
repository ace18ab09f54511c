#include "t6/kernels/linear/rounded_x.h"

#include <algorithm>

#include "t6/core/rounding.h"
#include "t6/kernels/aligned_buffer.h"
#include "t6/kernels/linear/bfloat_tile.h"
#include "t6/kernels/linear/matrix_tiles.h"

namespace t6 {
namespace {

struct RoundedX {
  AlignedBuffer numbers;
};

constexpr int64_t kRoundingGrain = 1 << 14;  // numbers that are worth a hand-over to another thread

}  // namespace

const uint16_t* rounded_x(Context& context, const float* x, int64_t T, int64_t K, int64_t stride) {
  const int64_t rows = round_up(T, kMatrixTileRows);
  uint16_t* const out = reserve_halves(context.memory<RoundedX>().numbers, rows * K);
  context.parallel_for(T, 1 + kRoundingGrain / std::max<int64_t>(1, K), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t k = 0; k < K; k += kMatrixTileDepth) {
        round_to_bfloats(x + t * stride + k, kMatrixTileDepth, out + place_in_tiles(t, k, K));
      }
    }
  });
  return out;
}

}  // namespace t6
