// The same attention in stock PyTorch, in this process: what a user has today, and the machine's roof by its operators.
// No header of Torch here, so that one file alone waits for them.
#pragma once

#include <cstdint>

#include "t6/bench/timing.h"
#include "t6/model/config.h"

namespace t6 {

void set_torch_threads(int count);

struct Roof {
  double flops = 0;       // a second, of a float32 matrix product of 2048^3
  double read_bytes = 0;  // a second, of summing a float32 tensor of 256 MiB
};
Roof measure_roof();

// One decode step on `length` cached tokens, float32, random numbers: scaled_dot_product_attention for mha, gqa and
// mqa; products around a softmax over the latent for mla; Algorithm 2 as plain einsums for tpa.
Timing stock_decode(const ModelConfig& config, int64_t batch, int64_t length);
// What it holds while it runs, about, in bytes; likewise of prefill.
int64_t stock_decode_bytes(const ModelConfig& config, int64_t batch, int64_t length);

struct StockPrefill {
  Timing time;
  int64_t temporary_bytes = 0;  // the most that its tensors take beside inputs and output
};
// Causal attention of `length` tokens: Q, K and V materialized from the factors of tpa (mha, gqa, mqa have them), then
// scaled_dot_product_attention. `bfloats`: all of them bfloat16, else float32.
StockPrefill stock_prefill(const ModelConfig& config, int64_t batch, int64_t length, bool bfloats);
int64_t stock_prefill_bytes(const ModelConfig& config, int64_t batch, int64_t length);

}  // namespace t6
