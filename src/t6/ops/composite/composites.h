// The operators as compositions of ATen's, which run on any device: what devices without kernels of ours take.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <tuple>

namespace t6::composite {

using torch::Tensor;
using OptionalTensor = std::optional<Tensor>;

// Signatures and shapes are those of the operators, and so are the errors. Nothing is read back from the device.

// Differentiable by ATen. Heads are materialized, in the factors' type, for scaled_dot_product_attention. The second
// result is NaN: no backward pass of ours reads it here.
std::tuple<Tensor, Tensor> attention(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                     const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                     double logit_scale, double value_scale, int64_t window, int64_t sinks);

// Differentiable by ATen. The second result, where it is not empty, and the third are NaN, as above.
std::tuple<Tensor, Tensor, Tensor> rms_norm_to_bfloat16(const Tensor& x, const OptionalTensor& weight, double epsilon);

// Those below have no gradients by ATen: the operators' own call operators for them.
Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
               std::optional<torch::ScalarType> dtype);
Tensor rotate_bfloat16(const Tensor& x, const Tensor& cos, const Tensor& sin, bool inverse);
Tensor gated_linear(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu);
std::tuple<Tensor, Tensor, Tensor> gated_linear_backward(const Tensor& gradient, const Tensor& gate, const Tensor& up,
                                                         const Tensor& weight, bool gelu);

// The loss is NaN without a target, and targets are not looked at: what is no class is an error of the device.
Tensor linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets);
std::tuple<Tensor, Tensor, Tensor> linear_cross_entropy_gradients(const Tensor& x, const Tensor& weight,
                                                                  const Tensor& targets);
// Both, with the logits of `block` rows at a time; gradients are undefined unless they are wanted.
std::tuple<Tensor, Tensor, Tensor> linear_cross_entropy_by_blocks(const Tensor& x, const Tensor& weight,
                                                                  const Tensor& targets, bool with_gradients,
                                                                  int64_t block);

}  // namespace t6::composite
