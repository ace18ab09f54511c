#include "t6/ops/product.h"

#include "t6/core/error.h"
#include "t6/kernels/bfloat_gemm.h"
#include "t6/kernels/gemm.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using OptionalType = std::optional<torch::ScalarType>;

void check(const torch::Tensor& a, const torch::Tensor& b, ProductForm form, torch::ScalarType type) {
  require(a.dim() == 2, "t6::product: a must be a matrix, not {}", shape_of(a));
  require(b.dim() == 2, "t6::product: b must be a matrix, not {}", shape_of(b));
  require(go_together(a.scalar_type(), b.scalar_type()), "t6::product: b must be {} as a is, not {}",
          toString(a.scalar_type()), toString(b.scalar_type()));
  require(go_together(a.scalar_type(), type), "t6::product: dtype must be {} as a is, not {}",
          toString(a.scalar_type()), toString(type));
  require(a.sym_size(form.transpose_a ? 0 : 1) == b.sym_size(form.transpose_b ? 1 : 0),
          "t6::product: b {} does not go with a {}: the sizes that are summed over differ", shape_of(b), shape_of(a));
}

// The same numbers as a matrix whose rows have no gaps inside.
torch::Tensor with_rows(const torch::Tensor& matrix) {
  const bool rows = matrix.size(1) <= 1 || matrix.stride(1) == 1;
  // A row of a matrix that was expanded lies at the place of the next: the kernel reads 0 as "no gap".
  return rows && (matrix.size(0) <= 1 || matrix.stride(0) >= matrix.size(1)) ? matrix : matrix.contiguous();
}

torch::Tensor product_cpu(const torch::Tensor& a, const torch::Tensor& b, bool transpose_a, bool transpose_b,
                          OptionalType dtype) {
  const ProductForm form = {transpose_a, transpose_b};
  const torch::ScalarType type = type_or(dtype, a);
  check(a, b, form, type);
  const torch::Tensor c =
      torch::empty({a.size(transpose_a ? 1 : 0), b.size(transpose_b ? 0 : 1)}, a.options().dtype(type));
  product_into(c, a, b, form, false);
  return c;
}

torch::Tensor product_meta(const torch::Tensor& a, const torch::Tensor& b, bool transpose_a, bool transpose_b,
                           OptionalType dtype) {
  const torch::ScalarType type = type_or(dtype, a);
  check(a, b, {transpose_a, transpose_b}, type);
  return torch::empty_symint({a.sym_size(transpose_a ? 1 : 0), b.sym_size(transpose_b ? 0 : 1)},
                             a.options().dtype(type));
}

bool is_bfloat(const torch::Tensor& tensor) { return tensor.scalar_type() == torch::kBFloat16; }

MixedMatrix mixed(const torch::Tensor& matrix, bool transposed) {
  return {.numbers = matrix.const_data_ptr(),
          .type = is_bfloat(matrix) ? NumberType::bf16 : NumberType::f32,
          .stride = matrix.stride(0),
          .transposed = transposed};
}

void multiply_bfloats(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                      bool accumulate) {
  bfloat_gemm(torch_context(), {.a = mixed(a, form.transpose_a),
                                .b = mixed(b, form.transpose_b),
                                .c = c.mutable_data_ptr(),
                                .c_type = is_bfloat(c) ? NumberType::bf16 : NumberType::f32,
                                .c_stride = c.stride(0),
                                .M = c.size(0),
                                .N = c.size(1),
                                .K = a.size(form.transpose_a ? 0 : 1),
                                .accumulate = accumulate});
}

void multiply_floats(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                     bool accumulate) {
  gemm(torch_context(), {.a = a.const_data_ptr<float>(),
                         .b = b.const_data_ptr<float>(),
                         .c = c.mutable_data_ptr<float>(),
                         .M = c.size(0),
                         .N = c.size(1),
                         .K = a.size(form.transpose_a ? 0 : 1),
                         .a_stride = a.stride(0),
                         .b_stride = b.stride(0),
                         .c_stride = c.stride(0),
                         .transpose_a = form.transpose_a,
                         .transpose_b = form.transpose_b,
                         .accumulate = accumulate});
}

void multiply_by_torch(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                       bool accumulate) {
  torch::Tensor out = c;
  const torch::Tensor left = form.transpose_a ? a.t() : a, right = form.transpose_b ? b.t() : b;
  if (accumulate) {
    out.addmm_(left, right);
  } else {
    torch::mm_out(out, left, right);
  }
}

}  // namespace

namespace composite {

Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b, OptionalType dtype) {
  const torch::ScalarType type = type_or(dtype, a);
  check(a, b, {transpose_a, transpose_b}, type);
  const bool narrow = is_bfloat(a) || is_bfloat(b) || type == torch::kBFloat16;
  const auto operand = [&](const Tensor& matrix, bool transposed) {
    const Tensor numbers = narrow ? matrix.to(torch::kBFloat16) : matrix;
    return transposed ? numbers.t() : numbers;
  };
  return torch::mm(operand(a, transpose_a), operand(b, transpose_b)).to(type);
}

}  // namespace composite

bool go_together(torch::ScalarType a, torch::ScalarType b) {
  const auto mixes = [](torch::ScalarType type) { return type == torch::kFloat || type == torch::kBFloat16; };
  return a == b || (mixes(a) && mixes(b));
}

torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b, ProductForm form, OptionalType type) {
  static const auto op = find_operator<decltype(product_cpu)>("t6::product");
  return op.call(a, b, form.transpose_a, form.transpose_b, type);
}

void product_into(const torch::Tensor& c, const torch::Tensor& a, const torch::Tensor& b, ProductForm form,
                  bool accumulate) {
  if (is_bfloat(a) || is_bfloat(b) || is_bfloat(c)) {
    return multiply_bfloats(c, with_rows(a), with_rows(b), form, accumulate);
  }
  if (c.scalar_type() != torch::kFloat) return multiply_by_torch(c, a, b, form, accumulate);
  multiply_floats(c, with_rows(a), with_rows(b), form, accumulate);
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def(
      "product(Tensor a, Tensor b, bool transpose_a=False, bool transpose_b=False, ScalarType? dtype=None) -> Tensor");
  implement_elsewhere(library, "product", &composite::product);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) { library.impl("product", &product_cpu); }
TORCH_LIBRARY_IMPL(t6, Meta, library) { library.impl("product", &product_meta); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("product", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
