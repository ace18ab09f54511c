// Rotary position embedding: pairs (i, i + d/2) of the first d features turn by position * theta^(-2i/d), in
// the direction of Hugging Face's Llama: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace t6 {

// Cosines and sines, computed in float32 as the reference does.
class RotaryTable {
 public:
  RotaryTable() = default;
  // dim: the features that rotate, an even number; 0: none do. divisors: what each pair's frequency is divided by,
  // [dim/2]; empty: 1. scale: what rotated features are multiplied by.
  RotaryTable(int64_t dim, double theta, std::span<const double> divisors = {}, double scale = 1);

  // Positions below `positions` are ready afterwards. Moves the table when it grows.
  void extend(int64_t positions);

  int64_t dim() const { return dim_; }
  int64_t positions() const { return positions_; }
  // [dim]: dim/2 cosines, then dim/2 sines of a position below positions(), each times `scale`.
  const float* at(int64_t position) const { return values_.data() + position * dim_; }

 private:
  int64_t dim_ = 0, positions_ = 0;
  float scale_ = 1;
  std::vector<float> inverse_frequencies_;  // [dim/2]
  std::vector<float> values_;               // [positions, dim]
};

// Rotates `rows` rows, `stride` numbers apart, by one position's entry of a table, in place.
void rotate(float* x, int64_t rows, int64_t stride, const float* entry, int64_t dim);

}  // namespace t6
