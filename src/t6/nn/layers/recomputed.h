// Activation checkpointing: a part of the model of whose forward pass nothing is kept but its input.
#pragma once

#include <torch/torch.h>

#include <functional>

namespace t6 {

using Computation = std::function<torch::Tensor(const torch::Tensor&)>;

// part(x), computed once more in the backward pass (Chen et al. 2016), to the same bits. Gradients are those of
// part(x): x's, and of the parameters that `part` uses, into which they are added at once. `part` gives the same
// numbers each time, and what it refers to lives until the backward pass. Without gradients it is a call of `part`.
torch::Tensor recomputed(const Computation& part, const torch::Tensor& x);

}  // namespace t6
