// The table of token embeddings, which may be the output head's weight too.
#pragma once

#include <torch/torch.h>

namespace t6 {

struct EmbeddedTokens {
  torch::Tensor rows;   // [B, T, C]
  torch::Tensor table;  // [V, C], the weight again: for the output head, when the two are tied
};

class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(int64_t vocabulary, int64_t width)
      : weight(register_parameter("weight", torch::empty({vocabulary, width}))) {}

  // tokens [B, T] int64. The gradient of the rows is added in place to that of the table: it is the largest matrix of a
  // small model, and autograd's own way makes two more of its size.
  EmbeddedTokens forward(const torch::Tensor& tokens);

  torch::Tensor weight;  // [V, C]
};
TORCH_MODULE(Embedding);

}  // namespace t6
