#include "t6/nn/loss.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/ops/product.h"

namespace t6 {
namespace {

// Logits of a block: enough rows for the matrix products to run at full rate, few enough to stay small beside the
// model.
constexpr int64_t kBlockNumbers = 1 << 23;  // 32 MiB of float32
constexpr int64_t kMinBlockRows = 64;

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& targets, bool with_gradients) {
    const int64_t rows = x.size(0), block = std::max(kMinBlockRows, kBlockNumbers / weight.size(0));
    const int64_t count = targets.ne(-1).sum().item<int64_t>();
    require(count > 0, "the loss needs at least one target that is not -1");
    torch::Tensor total = torch::zeros({}, x.options().dtype(torch::kDouble));
    torch::Tensor x_gradient, weight_gradient;
    if (with_gradients) {
      x_gradient = torch::empty_like(x);
      weight_gradient = torch::empty_like(weight);
    }
    for (int64_t begin = 0; begin < rows; begin += block) {
      const int64_t size = std::min(block, rows - begin);
      const torch::Tensor part = x.narrow(0, begin, size), target = targets.narrow(0, begin, size);
      const torch::Tensor used = target.ne(-1), index = target.clamp_min(0).unsqueeze(1);
      torch::Tensor logits = product(part, weight, {.transpose_b = true});
      const torch::Tensor log_sum = logits.logsumexp(1, true);
      total += (log_sum - logits.gather(1, index)).squeeze(1).mul(used).sum(torch::kDouble);
      if (!with_gradients) continue;
      logits.sub_(log_sum).exp_();  // softmax
      logits.scatter_add_(1, index, torch::full_like(log_sum, -1));
      logits.mul_(used.to(x.dtype()).div_(static_cast<double>(count)).unsqueeze(1));
      product_into(x_gradient.narrow(0, begin, size), logits, weight, {}, false);
      product_into(weight_gradient, logits, part, {.transpose_a = true}, begin > 0);
    }
    if (with_gradients) context->save_for_backward({x_gradient, weight_gradient});
    return total.div_(static_cast<double>(count)).to(x.dtype());
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    auto saved = context->get_saved_variables();
    // The loss's own gradient is 1 but for accumulation, where it is the share of a micro-batch. Scaling in place
    // spares a copy of the largest matrix; a second backward through the same graph is refused by autograd anyway.
    for (torch::Tensor& gradient : saved) gradient.mul_(gradients[0]);
    return {saved[0], saved[1], {}, {}};
  }
};

}  // namespace

torch::Tensor linear_cross_entropy(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& targets) {
  const bool with_gradients = torch::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  return LinearCrossEntropy::apply(x, weight, targets, with_gradients);
}

}  // namespace t6
