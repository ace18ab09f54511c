// What the flags of `t6-train bench attention` ask for, and the attention that they describe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/model/config.h"
#include "t6/numbers/cache_page.h"

namespace t6 {

struct BenchOptions {
  std::vector<std::string> kinds = {"mha", "gqa", "mqa", "mla", "tpa"};
  std::vector<int64_t> lengths = {4096, 32768};
  std::vector<int64_t> batches = {1};
  std::vector<int> threads = {2};
  std::vector<std::string> dtypes = cache_type_names();
  int64_t heads = 32, dim = 64;  // H, D (and E)
  int64_t groups = 4;            // G of gqa
  int64_t q_rank = 16;           // R_Q of tpa
  int64_t kv_rank = 1;           // R_K, R_V of tpa
  int64_t mla_latent = 256;      // d_c
  int64_t mla_rope = 32;         // d_r
  std::string plot;              // file of the picture
  bool prefill = false, json = false;
};

// The attention of one layer of this kind: what attention_shape() and the counts of multiply-adds look at.
ModelConfig layer_config(const BenchOptions& options, const std::string& kind);

// Floating-point operations, two per multiply-add: of a decode step by the paper's count (appendix A), and of causal
// attention with queries, keys and values materialized.
double decode_flops(const ModelConfig& config, int64_t batch, int64_t length);
double prefill_flops(const ModelConfig& config, int64_t batch, int64_t length);

}  // namespace t6
