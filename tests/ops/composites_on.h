// The compositions of ATen's operators in the place of our kernels, on a device that tests have.
#pragma once

#include <ATen/ExpandUtils.h>
#include <torch/library.h>

#include "t6/ops/composite/composites.h"

namespace t6 {

// LibTorch's C++ has no kernel of shapes for `where`, which Python brings; attention uses it.
inline torch::Tensor where_on_meta(const torch::Tensor& condition, const torch::Tensor& a, const torch::Tensor& b) {
  const auto sizes = at::infer_size(condition.sizes(), at::infer_size(a.sizes(), b.sizes()));
  return torch::empty(sizes, condition.options().dtype(a.dim() > 0 ? a.scalar_type() : b.scalar_type()));
}

// While it lives, operators on this device, the CPU or Meta, are those that a GPU would take.
class CompositesOn {
 public:
  CompositesOn(c10::DispatchKey backend, c10::DispatchKey autograd)
      : library_(torch::Library::FRAGMENT, "t6", std::nullopt, __FILE__, __LINE__),
        aten_(torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__) {
    aten_.impl("where.self", &where_on_meta);
    put("product", backend, &composite::product);
    put("rotate_bfloat16", backend, &composite::rotate_bfloat16);
    put("gated_linear", backend, &composite::gated_linear);
    put("gated_linear_backward", backend, &composite::gated_linear_backward);
    put("linear_cross_entropy", backend, &composite::linear_cross_entropy);
    put("linear_cross_entropy_gradients", backend, &composite::linear_cross_entropy_gradients);
    for (const c10::DispatchKey key : {backend, autograd}) {
      put("attention", key, &composite::attention);
      put("rms_norm_to_bfloat16", key, &composite::rms_norm_to_bfloat16);
    }
  }

  static CompositesOn cpu() { return {c10::DispatchKey::CPU, c10::DispatchKey::AutogradCPU}; }
  static CompositesOn meta() { return {c10::DispatchKey::Meta, c10::DispatchKey::AutogradMeta}; }

 private:
  template <typename Function>
  void put(const char* name, c10::DispatchKey key, Function* composite) {
    library_.impl(name, torch::dispatch(key, composite));
  }

  torch::Library library_, aten_;
};

}  // namespace t6
