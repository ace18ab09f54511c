// Matrix products of tensors on our kernels: of float32, and of bfloat16 with float32 sums. Other types take LibTorch's
// own product.
#pragma once

#include <torch/torch.h>

#include <optional>

namespace t6 {

// Which operands are taken as they lie and which transposed.
struct ProductForm {
  bool transpose_a = false, transpose_b = false;
};

// The type of a product of x by other numbers: `asked`, or x's own.
inline torch::ScalarType type_or(const std::optional<torch::ScalarType>& asked, const torch::Tensor& x) {
  return asked.value_or(x.scalar_type());
}

// Whether the two multiply: they have one type, or each is float32 or bfloat16. A float32 number that meets bfloat16 is
// rounded.
bool go_together(torch::ScalarType a, torch::ScalarType b);

// op(a) op(b), the operator torch.ops.t6.product. a [M, K] and b [K, N], each the other way round when transposed; on
// the CPU, of types that go together, and so must the result's, a's unless `type` is given. With bfloat16 among the
// three the product is of bfloat16 numbers with float32 sums. No gradient flows through it: it is what gradients are
// made with.
torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b, ProductForm form = {},
                      std::optional<torch::ScalarType> type = {});

// c = op(a) op(b), or c += op(a) op(b), which c of bfloat16 does not take. c [M, N] with rows without gaps inside.
void product_into(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                  bool accumulate);

}  // namespace t6
