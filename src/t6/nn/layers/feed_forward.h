// SwiGLU: W_down( silu(W_gate x) * (W_up x) ); GeGLU with GELU for silu.
#pragma once

#include "t6/model/config.h"
#include "t6/nn/layers/linear.h"

namespace t6 {

class FeedForwardImpl : public torch::nn::Module {
 public:
  FeedForwardImpl(int64_t width, int64_t hidden, GateActivation activation);
  torch::Tensor forward(const torch::Tensor& x);  // [B, T, C] -> [B, T, C], float32 of bfloat16

 private:
  GateActivation activation_;
  Linear gate_proj_, up_proj_, down_proj_;
};
TORCH_MODULE(FeedForward);

}  // namespace t6
