// Functions of rows of numbers between products in bfloat16, and their gradients: numbers in memory are bfloat16, and
// the arithmetic is float32.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"

namespace t6 {

// normed = x / sqrt(mean(x^2) + epsilon) and out = normed * weight, for each of `rows` rows of `width` numbers that lie
// side by side.
struct BfloatRmsNorm {
  const float* x = nullptr;  // or
  const uint16_t* bfloats = nullptr;
  const float* weight = nullptr;  // [width]; null: out is not written
  uint16_t* normed = nullptr;
  uint16_t* out = nullptr;   // null without a weight
  float* factors = nullptr;  // [rows], 1 / sqrt(...)
  int64_t rows = 0, width = 0;
  float epsilon = 0;
};
void bfloat_rms_norm(Context& context, const BfloatRmsNorm& norm);

// The gradient of x: factor (g - normed mean(g normed)) with g = d_out * weight.
struct BfloatRmsNormBackward {
  const uint16_t* normed = nullptr;
  const float* factors = nullptr;
  const float* weight = nullptr;  // may be null
  const uint16_t* d_out = nullptr;
  float* d_x = nullptr;  // or
  uint16_t* d_bfloats = nullptr;
  int64_t rows = 0, width = 0;
};
void bfloat_rms_norm_backward(Context& context, const BfloatRmsNormBackward& norm);

// act(gate) * up, act being SiLU or GELU in its form with a tanh (pointwise.h).
struct BfloatGate {
  const uint16_t* gate = nullptr;
  const uint16_t* up = nullptr;
  int64_t count = 0;
  bool gelu = false;
};
void bfloat_gate(Context& context, const BfloatGate& x, uint16_t* out);
// Gradients of gate and up from that of the product. d_gate may be d_out.
void bfloat_gate_backward(Context& context, const BfloatGate& x, const uint16_t* d_out, uint16_t* d_gate,
                          uint16_t* d_up);

// Rotates the first 2 half features of each of `ranks` rows of `width` numbers of each token, in pairs (i, i + half):
// by plus the angle, or by minus it, which is the gradient. Token t of `tokens` is at position t mod `length`.
struct BfloatRotation {
  const uint16_t* x = nullptr;  // [tokens, ranks, width]
  uint16_t* out = nullptr;      // the same; may be x
  const float* cos = nullptr;   // [length, half]
  const float* sin = nullptr;
  int64_t tokens = 0, length = 0, ranks = 0, width = 0, half = 0;
  bool inverse = false;
};
void bfloat_rotate(Context& context, const BfloatRotation& rotation);

}  // namespace t6
