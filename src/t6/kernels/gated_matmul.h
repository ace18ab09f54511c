// The two products of a gated feed-forward layer and what it makes of them, for the product after it.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"
#include "t6/kernels/pointwise.h"
#include "t6/kernels/weight_matrix.h"

namespace t6 {

// out = gate(x W_gate^T) * (x W_up^T), rounded to bfloat16, as Matmul::tiles takes it.
struct GatedMatmul {
  const float* x = nullptr;                           // [T, K]
  const uint16_t* tiles = nullptr;                    // x as Matmul::tiles, in its place; null: none
  const WeightMatrix *gate = nullptr, *up = nullptr;  // [N, K]
  Gate function = Gate::silu;
  int64_t T = 0;
  uint16_t* out = nullptr;  // tiled_numbers(T, N) (matmul.h)
};

// On up to context.thread_count() threads. What matmul() with Matmul::bfloats, apply_gate() and the rounding of
// matmul() give, but for 1e-4 of a number before it is rounded, a fortieth of what that takes; and the products,
// several times the hidden state, do not go through memory. Precondition: can_multiply_gated().
void gated_matmul(Context& context, const GatedMatmul& product);

// Whether there is such a product of these weights, and then one with `down` [C, N], on this machine.
bool can_multiply_gated(const WeightMatrix& gate, const WeightMatrix& up, const WeightMatrix& down);

}  // namespace t6
