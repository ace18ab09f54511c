// Functions of numbers and of rows of numbers, float32, in place where one operand is also the result.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"

namespace t6 {

// out = x / sqrt(mean(x^2) + epsilon) * weight for each of `rows` rows of `width` numbers. weight [width] may be
// null; out may be x. accumulate: it is added to out, which is not x then. Strides are numbers from one row to the
// next.
struct RmsNorm {
  const float* x = nullptr;
  const float* weight = nullptr;
  float* out = nullptr;
  int64_t rows = 0, width = 0;
  int64_t x_stride = 0, out_stride = 0;  // 0: width
  float epsilon = 0;
  bool accumulate = false;
  // Where it goes in the place of `out`, rounded to bfloat16, as Matmul::tiles takes it; width is a multiple of 32.
  // Precondition: has_bfloat_matmul(). Null: out.
  uint16_t* tiles = nullptr;
};
void rms_norm(Context& context, const RmsNorm& norm);
// In the calling thread alone.
void rms_norm(const RmsNorm& norm);

void sigmoid(float* x, int64_t count);                                            // x = 1 / (1 + e^-x)
void sigmoid_gate(Context& context, const float* gate, float* x, int64_t count);  // x *= sigmoid(gate)

// Of a feed-forward layer: x sigmoid(x); GELU in its form with a tanh, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
enum class Gate { silu, gelu_tanh };
void apply_gate(Context& context, Gate function, float* gate, const float* up, int64_t count);  // gate = f(gate) up

// Softmax over `count` numbers that lie `stride` apart, for each of `stride` neighbours and each of `outer` blocks:
// x is [outer, count, stride]. stride 1: plain rows.
void softmax(float* x, int64_t outer, int64_t count, int64_t stride);

double log_sum_exp(const float* x, int64_t count);  // log(sum e^x), count >= 1

}  // namespace t6
