#include "t6/ops/product.h"

#include <torch/library.h>

#include "t6/core/error.h"
#include "t6/kernels/gemm.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

void check(const torch::Tensor& a, const torch::Tensor& b, ProductForm form) {
  require(a.dim() == 2, "t6::product: a must be a matrix, not {}", shape_of(a));
  require(b.dim() == 2, "t6::product: b must be a matrix, not {}", shape_of(b));
  require(a.scalar_type() == b.scalar_type(), "t6::product: b must be {} as a is, not {}", toString(a.scalar_type()),
          toString(b.scalar_type()));
  require(a.sym_size(form.transpose_a ? 0 : 1) == b.sym_size(form.transpose_b ? 1 : 0),
          "t6::product: b {} does not go with a {}: the sizes that are summed over differ", shape_of(b), shape_of(a));
}

// The same numbers as a matrix whose rows have no gaps inside.
torch::Tensor with_rows(const torch::Tensor& matrix) {
  const bool rows = matrix.size(1) <= 1 || matrix.stride(1) == 1;
  // A row of a matrix that was expanded lies at the place of the next: the kernel reads 0 as "no gap".
  return rows && (matrix.size(0) <= 1 || matrix.stride(0) >= matrix.size(1)) ? matrix : matrix.contiguous();
}

torch::Tensor product_cpu(const torch::Tensor& a, const torch::Tensor& b, bool transpose_a, bool transpose_b) {
  const ProductForm form = {transpose_a, transpose_b};
  check(a, b, form);
  const torch::Tensor c = torch::empty({a.size(transpose_a ? 1 : 0), b.size(transpose_b ? 0 : 1)}, a.options());
  product_into(c, a, b, form, false);
  return c;
}

torch::Tensor product_meta(const torch::Tensor& a, const torch::Tensor& b, bool transpose_a, bool transpose_b) {
  check(a, b, {transpose_a, transpose_b});
  return torch::empty_symint({a.sym_size(transpose_a ? 1 : 0), b.sym_size(transpose_b ? 0 : 1)}, a.options());
}

}  // namespace

torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b, ProductForm form) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("t6::product", "").typed<decltype(product_cpu)>();
  return op.call(a, b, form.transpose_a, form.transpose_b);
}

void product_into(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                  bool accumulate) {
  if (c.scalar_type() != torch::kFloat) {
    torch::Tensor out = c;
    const torch::Tensor left = form.transpose_a ? a.t() : a, right = form.transpose_b ? b.t() : b;
    if (accumulate) {
      out.addmm_(left, right);
    } else {
      torch::mm_out(out, left, right);
    }
    return;
  }
  const torch::Tensor left = with_rows(a), right = with_rows(b);
  gemm(torch_context(), {.a = left.const_data_ptr<float>(),
                         .b = right.const_data_ptr<float>(),
                         .c = c.mutable_data_ptr<float>(),
                         .M = c.size(0),
                         .N = c.size(1),
                         .K = a.size(form.transpose_a ? 0 : 1),
                         .a_stride = left.stride(0),
                         .b_stride = right.stride(0),
                         .c_stride = c.stride(0),
                         .transpose_a = form.transpose_a,
                         .transpose_b = form.transpose_b,
                         .accumulate = accumulate});
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def("product(Tensor a, Tensor b, bool transpose_a=False, bool transpose_b=False) -> Tensor");
}
TORCH_LIBRARY_IMPL(t6, CPU, library) { library.impl("product", &product_cpu); }
TORCH_LIBRARY_IMPL(t6, Meta, library) { library.impl("product", &product_meta); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("product", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
