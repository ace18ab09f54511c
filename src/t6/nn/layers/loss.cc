#include "t6/nn/layers/loss.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/ops/cross_entropy.h"
#include "t6/ops/product.h"

namespace t6 {
namespace {

// Logits of a block: enough rows for the matrix products to run at full rate, few enough to stay small beside the
// model.
constexpr int64_t kBlockNumbers = 13 << 20;  // 52 MiB of float32: 256 rows of GPT-2's vocabulary
constexpr int64_t kMinBlockRows = 64;
// In bfloat16 products are twice as fast, and reading the weights for each block would cost as much more of the time;
// what is kept for the backward pass leaves room for larger blocks.
constexpr int64_t kNarrowBlocks = 2;

// The loss of a block and its gradient, where one is wanted, in the place of the logits.
NarrowGradient block_loss(const torch::Tensor& logits, const torch::Tensor& targets, double scale, bool narrow) {
  if (narrow && scale != 0) return cross_entropy_to_bfloat16(logits, targets, scale);
  return {cross_entropy_(logits, targets, scale), logits};
}

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& targets, bool with_gradients) {
    const bool narrow = x.scalar_type() == torch::kBFloat16 && weight.scalar_type() == torch::kFloat;
    const int64_t rows = x.size(0), classes = weight.size(0);
    const int64_t most = std::max(kMinBlockRows, kBlockNumbers / classes) * (narrow ? kNarrowBlocks : 1);
    const auto count = targets.ne(-1).sum().item<int64_t>();
    require(count > 0, "the loss needs at least one target that is not -1");
    const auto least_target = targets.min().item<int64_t>(), largest_target = targets.max().item<int64_t>();
    require(least_target >= -1 && largest_target < classes, "targets must be from -1 to {}, and go from {} to {}",
            classes - 1, least_target, largest_target);
    const double scale = 1.0 / static_cast<double>(count);
    torch::Tensor x_gradient, weight_gradient;
    if (with_gradients) {
      x_gradient = torch::empty_like(x);
      weight_gradient = torch::empty_like(weight);
    }
    double total = 0;
    const int64_t block = divide_up(rows, divide_up(rows, most));
    const torch::Tensor memory = torch::empty({block, classes}, weight.options());
    for (int64_t begin = 0; begin < rows; begin += block) {
      const int64_t size = std::min(block, rows - begin);
      const torch::Tensor part = x.narrow(0, begin, size), logits = memory.narrow(0, 0, size);
      product_into(logits, part, weight, {.transpose_b = true}, false);
      const auto [loss, gradient] =
          block_loss(logits, targets.narrow(0, begin, size), with_gradients ? scale : 0, narrow);
      total += loss;
      if (!with_gradients) continue;
      product_into(x_gradient.narrow(0, begin, size), gradient, weight, {}, false);
      product_into(weight_gradient, gradient, part, {.transpose_a = true}, begin > 0);
    }
    if (with_gradients) context->save_for_backward({x_gradient, weight_gradient});
    return torch::full({}, total * scale, weight.options());
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    auto saved = context->get_saved_variables();
    // The loss's own gradient is 1 but for accumulation, where it is the share of a micro-batch. Scaling in place
    // spares a copy of the largest matrix; a second backward through the same graph is refused by autograd anyway.
    if (gradients[0].item<double>() != 1) {
      for (torch::Tensor& gradient : saved) gradient.mul_(gradients[0]);
    }
    return {saved[0], saved[1], {}, {}};
  }
};

}  // namespace

torch::Tensor linear_cross_entropy(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& targets) {
  const bool with_gradients = torch::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  return LinearCrossEntropy::apply(x, weight, targets, with_gradients);
}

}  // namespace t6
