// Matrix products of tensors on our kernel. Float32 runs there; other types take LibTorch's own product.
#pragma once

#include <torch/torch.h>

namespace t6 {

// Which operands are taken as they lie and which transposed.
struct ProductForm {
  bool transpose_a = false, transpose_b = false;
};

// op(a) op(b), the operator torch.ops.t6.product. a [M, K] and b [K, N], each the other way round when transposed; on
// the CPU, of one type. No gradient flows through it: it is what gradients are made with.
torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b, ProductForm form = {});

// c = op(a) op(b), or c += op(a) op(b). c [M, N] with rows without gaps inside.
void product_into(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                  bool accumulate);

}  // namespace t6
