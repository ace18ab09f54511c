#include "t6/kernels/attention.h"

#include <algorithm>
#include <numeric>

#include "t6/core/parallel.h"
#include "t6/kernels/attention_tile.h"

namespace t6 {
namespace {

// Pairs of query and head in a tile: enough to fill the registers, few enough for the first-level cache.
constexpr int64_t kTilePairs = 64;
// Multiply-adds that are worth a thread's start.
constexpr int64_t kGrain = 400'000;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t multiply_adds_per_pair(const Attention& x) {
  return (x.k.a ? x.k.rank : 1) * x.k.features + (x.v.a ? x.v.rank : 1) * x.v.features;
}

}  // namespace

void attention(const Attention& x) {
  if (x.T <= 0) return;
  // A tile's heads lie in one group of the keys and of the values.
  const int64_t group = std::gcd(x.k.a ? x.heads : x.heads / x.k.rank, x.v.a ? x.heads : x.heads / x.v.rank);
  const int64_t cost = x.T * (x.start + x.T) * x.heads * multiply_adds_per_pair(x);
  const int64_t threads = std::clamp<int64_t>(cost / kGrain, 1, thread_count());
  // When queries are too few for all threads, heads are divided further.
  const int64_t wanted = divide_up(threads, x.T * (x.heads / group));
  const int64_t chunks = std::min(group, std::max(divide_up(group, kTilePairs), wanted));
  const int64_t chunk = divide_up(group, chunks);
  const int64_t tokens = std::max<int64_t>(1, (kTilePairs + chunk / 2) / chunk);

  const int64_t rows = divide_up(x.T, tokens), chunks_per_group = divide_up(group, chunk);
  const int64_t tiles = rows * (x.heads / group) * chunks_per_group;
  parallel_for(tiles, divide_up(tiles, threads), [&](int64_t begin, int64_t end) {
    thread_local TileBuffers buffers;
    for (int64_t i = begin; i < end; ++i) {
      // Later queries see more keys: taking them from both ends in turn gives every thread as much to do.
      const int64_t row = i % rows, turned = row % 2 ? rows - 1 - row / 2 : row / 2;
      const int64_t first = i / rows / chunks_per_group * group, offset = i / rows % chunks_per_group * chunk;
      AttentionTile tile;
      tile.token = turned * tokens;
      tile.tokens = std::min(tokens, x.T - tile.token);
      tile.head = first + offset;
      tile.heads = std::min(chunk, group - offset);
      attend_tile(x, tile, buffers);
    }
  });
}

}  // namespace t6
