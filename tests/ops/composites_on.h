// The compositions of ATen's operators in the place of our kernels, on a device that tests have.
#pragma once

#include <ATen/ExpandUtils.h>
#include <torch/library.h>

#include "t6/ops/composite/composites.h"

namespace t6 {

// What LibTorch's C++ lacks on Meta, since Python brings it: shapes of the operators that models use.
namespace shapes {

using torch::Tensor;

inline Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  const auto sizes = at::infer_size(condition.sizes(), at::infer_size(a.sizes(), b.sizes()));
  return torch::empty(sizes, condition.options().dtype(a.dim() > 0 ? a.scalar_type() : b.scalar_type()));
}
inline Tensor& where_out(const Tensor&, const Tensor&, const Tensor&, Tensor& out) { return out; }
inline Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  auto sizes = x.sizes().vec();
  sizes[static_cast<size_t>(dim)] = index.numel();
  return torch::empty(sizes, x.options());
}

}  // namespace shapes

// While it lives, operators on this device, the CPU or Meta, are those that a GPU would take.
class CompositesOn {
 public:
  CompositesOn(c10::DispatchKey backend, c10::DispatchKey autograd)
      : library_(torch::Library::FRAGMENT, "t6", std::nullopt, __FILE__, __LINE__),
        aten_(torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__) {
    aten_.impl("where.self", &shapes::where);
    aten_.impl("where.self_out", &shapes::where_out);
    aten_.impl("index_select", &shapes::index_select);
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
