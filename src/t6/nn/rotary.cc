#include "t6/nn/rotary.h"

#include <cmath>

namespace t6 {

void Rotary::extend(int64_t length) {
  if (cos_.defined() && cos_.size(0) >= length) return;
  const int64_t pairs = rotary_dim_ / 2;
  torch::Tensor frequencies = torch::empty({pairs});
  for (int64_t i = 0; i < pairs; ++i) {
    frequencies.data_ptr<float>()[i] =
        static_cast<float>(std::pow(theta_, -2.0 * static_cast<double>(i) / static_cast<double>(rotary_dim_)));
  }
  const torch::Tensor angles = torch::outer(torch::arange(length, torch::kFloat), frequencies).unsqueeze(1);
  cos_ = angles.cos();
  sin_ = angles.sin();
}

torch::Tensor Rotary::rotate(const torch::Tensor& x, int64_t length) {
  if (rotary_dim_ == 0) return x;
  {
    const torch::NoGradGuard constant;
    extend(length);
  }
  const torch::Tensor cos = cos_.narrow(0, 0, length).to(x.dtype()), sin = sin_.narrow(0, 0, length).to(x.dtype());
  const int64_t half = rotary_dim_ / 2;
  const torch::Tensor token = x.dim() == 2 ? x.view({1, 1, x.size(0), x.size(1)}) : x;
  const torch::Tensor first = token.narrow(-1, 0, half), second = token.narrow(-1, half, half);
  const torch::Tensor y1 = first * cos - second * sin, y2 = second * cos + first * sin;
  if (x.size(-1) == rotary_dim_) return torch::cat({y1, y2}, -1);
  const torch::Tensor rest = token.narrow(-1, rotary_dim_, x.size(-1) - rotary_dim_);
  return torch::cat({y1, y2, rest.expand({-1, length, -1, -1})}, -1);
}

}  // namespace t6
