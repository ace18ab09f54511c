// Attention of new tokens over keys and values in pages, and the way into the pages, as operators: decoding as the
// engine does, for a batch of sequences of any lengths.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "t6/ops/attention.h"

namespace t6 {

// Keys or values of 64 tokens a page (numbers/cache_page.h), in float32, bfloat16 or float16. A page is a row of
// [pages, numbers], which lies without gaps: head factors a [R, H, 64], then feature factors b, of keys [R, D, 64], of
// values [R, 64, E]. Without head factors a page is b alone, and head h takes b of rank h / (H / R).
struct FactorPages {
  torch::Tensor numbers;
  int64_t rank = 1, features = 1;
};

// Which pages a sequence has, and how many tokens.
struct PageTable {
  torch::Tensor pages;    // [B, most pages] int64 or int32: tokens 64 i to 64 i + 63 lie in page pages[b, i]
  torch::Tensor lengths;  // [B] int64 or int32, new tokens among them; 0: there is no sequence here
};

// torch.ops.t6.paged_attention: the output [B, T, H, E], of the type of q's b, float32 or bfloat16, for T new tokens of
// each sequence at its end, whose keys and values lie in the pages already. Rows of no sequence are zeros. A page that
// no token sees (of a window) may be any number. Without gradients.
torch::Tensor paged_attention(const AttentionFactors& q, const FactorPages& k, const FactorPages& v,
                              const PageTable& table, int64_t heads, const AttentionScales& scales,
                              const AttentionWindow& window = {});

}  // namespace t6
