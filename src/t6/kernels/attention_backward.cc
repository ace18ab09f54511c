#include "t6/kernels/attention_backward.h"

#include <vector>

#include "t6/kernels/attention/backward_block.h"
#include "t6/kernels/attention/backward_head_bfloats.h"
#include "t6/kernels/attention/backward_ways.h"
#include "t6/kernels/attention/check.h"
#include "t6/kernels/linear/matrix_tiles.h"

namespace t6 {

namespace {

// So many blocks for each thread, or heads are dealt instead: blocks cost more the earlier they are in a sequence.
constexpr int64_t kBlocksPerThread = 2;

}  // namespace

bool trains_by_bfloats() { return has_bfloat_attention() && has_matrix_tiles(); }

void attention_backward(Context& context, std::span<const AttentionBackward> batch) {
  std::vector<AttentionBackward> by_heads, by_blocks;
  int64_t blocks = 0;
  for (const AttentionBackward& x : batch) {
    check_attention_backward(x);
    if (x.forward.T == 0) continue;
    const bool by_block = !goes_by_bfloats(x) && goes_by_blocks(x);
    (by_block ? by_blocks : by_heads).push_back(x);
    if (by_block) blocks += key_blocks(x);
  }
  if (context.thread_count() > 1 && blocks < kBlocksPerThread * context.thread_count()) {
    by_heads.insert(by_heads.end(), by_blocks.begin(), by_blocks.end());
    by_blocks.clear();
  }
  backward_by_blocks(context, by_blocks);
  backward_by_heads(context, by_heads);
}

}  // namespace t6
