// Two ways to compute the same attention.
#pragma once

#include <string>

namespace t6 {

enum class AttentionPath {
  fused,  // our kernels on the factors; float32. Keeps factors and its output for the backward pass. On the CPU:
          // elsewhere sdpa
  sdpa    // queries, keys and values materialized, then LibTorch's scaled_dot_product_attention: to compare with
};

// "fused" or "sdpa". Error: another name; `source` begins the message.
AttentionPath parse_attention_path(const std::string& name, const std::string& source);

}  // namespace t6
