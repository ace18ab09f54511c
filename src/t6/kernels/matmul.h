// Products with a weight matrix of any type.
#pragma once

#include <cstdint>
#include <span>

#include "t6/kernels/context.h"
#include "t6/kernels/weight_matrix.h"

namespace t6 {

// y = x W^T + bias, or y += x W^T + bias. Rows are contiguous; x and y may be columns of wider matrices. Weights in
// blocks multiply x in blocks of 8 bits (linear/activations.h), sums within a block are exact.
struct Matmul {
  const float* x = nullptr;         // [T, K]
  const WeightMatrix* w = nullptr;  // [N, K], as a linear layer's weight is stored
  float* y = nullptr;               // [T, N]
  const float* bias = nullptr;      // [N]; null: none
  int64_t T = 0;
  int64_t x_stride = 0, y_stride = 0;  // numbers from one row to the next; 0: K and N
  bool accumulate = false;             // add to y
  // Whether x and quantized weights may be rounded to bfloat16, with float32 sums, instead of x to blocks of 8 bits: on
  // processors with matrix tiles, which multiply such numbers several times as fast, for any number of rows. Elsewhere,
  // and for float32 and float16 weights, nothing changes.
  bool bfloats = false;
  // x rounded to bfloat16, as rms_norm() and gated_matmul() leave it, in the place of x where multiplies_bfloats():
  // whole tiles, tiled_numbers(T, K). Null: none.
  const uint16_t* tiles = nullptr;
};

int64_t tiled_numbers(int64_t T, int64_t K);

// On up to context.thread_count() threads. A row of y depends on its row of x, on W and on `bfloats` alone: not on T,
// not on the threads, so that a token alone gives the bits that it gives among others. Errors: a T6_MATRIX_TILES in the
// environment that is not "off"; products of different x.
void matmul(Context& context, const Matmul& product);

// Whether Matmul::bfloats changes anything on this machine, and whether it does so in this product.
bool has_bfloat_matmul();
bool multiplies_bfloats(const Matmul& product);

// Products of one x (x, T and x_stride are the same in all) as one job: x is prepared once, and threads meet once.
void matmul(Context& context, std::span<const Matmul> products);

}  // namespace t6
