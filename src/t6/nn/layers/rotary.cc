#include "t6/nn/layers/rotary.h"

#include "t6/ops/rotary.h"

namespace t6 {

void Rotary::extend(int64_t length, torch::Device device) {
  if (cos_.defined() && cos_.size(0) >= length && cos_.device() == device) return;
  table_.extend(length);
  const int64_t half = table_.dim() / 2;
  const torch::Tensor entries =
      torch::from_blob(const_cast<float*>(table_.at(0)), {table_.positions(), 1, table_.dim()})
          .to(device, torch::kFloat, /*non_blocking=*/false, /*copy=*/true);
  cos_ = entries.narrow(-1, 0, half).contiguous();
  sin_ = entries.narrow(-1, half, half).contiguous();
}

torch::Tensor Rotary::rotate(const torch::Tensor& x, int64_t length) {
  const int64_t rotated = table_.dim(), half = rotated / 2;
  if (rotated == 0) return x;
  {
    const torch::NoGradGuard constant;
    extend(length, x.device());
  }
  if (x.scalar_type() == torch::kBFloat16) return rotate_bfloat16(x, cos_, sin_);
  const torch::Tensor cos = cos_.narrow(0, 0, length).to(x.dtype()), sin = sin_.narrow(0, 0, length).to(x.dtype());
  const torch::Tensor token = x.dim() == 2 ? x.view({1, 1, x.size(0), x.size(1)}) : x;
  const torch::Tensor first = token.narrow(-1, 0, half), second = token.narrow(-1, half, half);
  const torch::Tensor y1 = first * cos - second * sin, y2 = second * cos + first * sin;
  if (x.size(-1) == rotated) return torch::cat({y1, y2}, -1);
  const torch::Tensor rest = token.narrow(-1, rotated, x.size(-1) - rotated);
  return torch::cat({y1, y2, rest.expand({-1, length, -1, -1})}, -1);
}

}  // namespace t6
