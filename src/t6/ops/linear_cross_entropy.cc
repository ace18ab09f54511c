#include "t6/ops/linear_cross_entropy.h"

#include <ATen/TensorSubclassLikeUtils.h>

#include <algorithm>
#include <tuple>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/ops/arguments/autocast.h"
#include "t6/ops/arguments/loss_arguments.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/cross_entropy.h"
#include "t6/ops/product.h"

namespace t6 {
namespace {

using torch::Tensor;
using LossAndGradients = std::tuple<Tensor, Tensor, Tensor>;  // gradients of x and weight

// Logits of a block: enough rows for the matrix products to run at full rate, few enough to stay small beside the
// model.
constexpr int64_t kBlockNumbers = 13 << 20;  // 52 MiB of float32: 256 rows of GPT-2's vocabulary
constexpr int64_t kMinBlockRows = 64;
// In bfloat16 products are twice as fast, and reading the weights for each block would cost as much more of the time;
// what is kept for the backward pass leaves room for larger blocks.
constexpr int64_t kNarrowBlocks = 2;

// The loss of a block and its gradient, where one is wanted, in the place of the logits.
NarrowGradient block_loss(const Tensor& logits, const Tensor& targets, double scale, bool narrow) {
  if (narrow && scale != 0) return cross_entropy_to_bfloat16(logits, targets, scale);
  return {cross_entropy_(logits, targets, scale), logits};
}

// How many targets there are.
int64_t count_targets(const Tensor& targets, int64_t classes) {
  const auto count = targets.ne(-1).sum().item<int64_t>();
  require(count > 0, "the loss needs at least one target that is not -1");
  const auto least = targets.min().item<int64_t>(), largest = targets.max().item<int64_t>();
  require(least >= -1 && largest < classes, "targets must be from -1 to {}, and go from {} to {}", classes - 1, least,
          largest);
  return count;
}

LossAndGradients by_blocks(const Tensor& x, const Tensor& weight, const Tensor& targets, bool with_gradients) {
  check_loss(x, weight, targets);
  const bool narrow = is_mixed(x, weight);
  const int64_t rows = x.size(0), classes = weight.size(0);
  const double scale = 1.0 / static_cast<double>(count_targets(targets, classes));
  const int64_t most = std::max(kMinBlockRows, kBlockNumbers / classes) * (narrow ? kNarrowBlocks : 1);
  const int64_t block = divide_up(rows, divide_up(rows, most));
  const Tensor memory = torch::empty({block, classes}, weight.options());
  Tensor x_gradient, weight_gradient;
  if (with_gradients) {
    x_gradient = torch::empty(x.sizes(), x.options());
    weight_gradient = torch::empty(weight.sizes(), weight.options());
  }
  double total = 0;
  for (int64_t begin = 0; begin < rows; begin += block) {
    const int64_t size = std::min(block, rows - begin);
    const Tensor part = x.narrow(0, begin, size), logits = memory.narrow(0, 0, size);
    product_into(logits, part, weight, {.transpose_b = true}, false);
    const auto [loss, gradient] =
        block_loss(logits, targets.narrow(0, begin, size), with_gradients ? scale : 0, narrow);
    total += loss;
    if (!with_gradients) continue;
    product_into(x_gradient.narrow(0, begin, size), gradient, weight, {}, false);
    product_into(weight_gradient, gradient, part, {.transpose_a = true}, begin > 0);
  }
  return {torch::full({}, total * scale, weight.options()), x_gradient, weight_gradient};
}

// The functions below have the operators' signatures.

Tensor loss_cpu(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  return std::get<0>(by_blocks(x, weight, targets, false));
}

LossAndGradients gradients_cpu(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  return by_blocks(x, weight, targets, true);
}

Tensor loss_meta(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  check_loss(x, weight, targets);
  return torch::empty({}, weight.options());
}

LossAndGradients gradients_meta(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  return {loss_meta(x, weight, targets), torch::empty_symint(x.sym_sizes(), x.options()),
          torch::empty_symint(weight.sym_sizes(), weight.options())};
}

Tensor call_loss(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  static const auto op = find_operator<decltype(loss_cpu)>("t6::linear_cross_entropy");
  return op.call(x, weight, targets);
}

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& targets, bool with_gradients) {
    static const auto op = find_operator<decltype(gradients_cpu)>("t6::linear_cross_entropy_gradients");
    const at::AutoDispatchBelowADInplaceOrView below;
    if (!with_gradients) return call_loss(x, weight, targets);
    const auto [loss, x_gradient, weight_gradient] = op.call(x, weight, targets);
    context->save_for_backward({x_gradient, weight_gradient});
    return loss;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    auto saved = context->get_saved_variables();
    if (at::isTensorSubclassLike(gradients[0])) {  // as while torch.compile traces
      return {saved[0] * gradients[0], saved[1] * gradients[0], {}, {}};
    }
    // The loss's own gradient is 1 but for accumulation, where it is the share of a micro-batch. Scaling in place
    // spares a copy of the largest matrix; a second backward through the same graph is refused below.
    auto& used = context->saved_data["used"];
    require(used.isNone(), "t6::linear_cross_entropy: its gradients can be taken once");
    used = true;
    // On other devices than the CPU looking at the number would wait for it.
    if (!gradients[0].is_cpu() || gradients[0].item<double>() != 1) {
      for (Tensor& gradient : saved) gradient.mul_(gradients[0]);
    }
    return {saved[0], saved[1], {}, {}};
  }
};

Tensor loss_autograd(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  const bool with_gradients = torch::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  return LinearCrossEntropy::apply(x, weight, targets, with_gradients);
}

Tensor loss_autocast(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  const Autocast autocast("t6::linear_cross_entropy");
  return call_loss(autocast.narrow(x), weight, targets);
}

}  // namespace

Tensor linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  return call_loss(x, weight, targets);
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def("linear_cross_entropy(Tensor x, Tensor weight, Tensor targets) -> Tensor");
  library.def(
      "linear_cross_entropy_gradients(Tensor x, Tensor weight, Tensor targets) -> "
      "(Tensor loss, Tensor x_gradient, Tensor weight_gradient)");
  implement_elsewhere(library, "linear_cross_entropy", &composite::linear_cross_entropy);
  implement_elsewhere(library, "linear_cross_entropy_gradients", &composite::linear_cross_entropy_gradients);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) {
  library.impl("linear_cross_entropy", &loss_cpu);
  library.impl("linear_cross_entropy_gradients", &gradients_cpu);
}
TORCH_LIBRARY_IMPL(t6, Meta, library) {
  library.impl("linear_cross_entropy", &loss_meta);
  library.impl("linear_cross_entropy_gradients", &gradients_meta);
}
TORCH_LIBRARY_IMPL(t6, AutocastCPU, library) { library.impl("linear_cross_entropy", &loss_autocast); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("linear_cross_entropy", &loss_autograd);
  library.impl("linear_cross_entropy_gradients", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
