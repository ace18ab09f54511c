#include <algorithm>

#include "t6/ops/arguments/loss_arguments.h"
#include "t6/ops/composite/composites.h"

namespace t6 {
namespace {

using torch::Tensor;

// Rows of a block: 512 MiB of float32 logits, which is little beside such a device's memory, and products of some
// thousand rows.
constexpr int64_t kBlockNumbers = 128 << 20, kMinBlockRows = 256;

int64_t block_rows(const Tensor& weight) {
  return std::max(kMinBlockRows, kBlockNumbers / std::max<int64_t>(1, weight.size(0)));
}

// Which rows have a target, as [rows, 1] of truth values, and its class, or 0 where there is none, as [rows, 1].
struct Targets {
  explicit Targets(const Tensor& targets) : used(targets.ne(-1).unsqueeze(1)), index(targets.unsqueeze(1) * used) {}
  Targets(Tensor used_rows, Tensor indices) : used(std::move(used_rows)), index(std::move(indices)) {}
  Targets narrow(int64_t begin, int64_t size) const {
    return {used.narrow(0, begin, size), index.narrow(0, begin, size)};
  }

  Tensor used, index;
};

// The sum of the rows' losses. Their logarithms of softmax become the logits' gradient, of `share` times that sum,
// where it is defined.
Tensor block_loss(Tensor& logarithms, const Targets& targets, const Tensor& share) {
  const Tensor losses = torch::where(targets.used, -logarithms.gather(1, targets.index), 0);
  if (share.defined()) {
    logarithms.exp_().scatter_add_(1, targets.index, torch::full_like(losses, -1));
    logarithms.mul_(targets.used * share);
  }
  return losses.sum();
}

}  // namespace

namespace composite {

std::tuple<Tensor, Tensor, Tensor> linear_cross_entropy_by_blocks(const Tensor& x, const Tensor& weight,
                                                                  const Tensor& targets, bool with_gradients,
                                                                  int64_t block) {
  check_loss(x, weight, targets);
  const Targets all(targets);
  const torch::ScalarType wide = weight.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
  const Tensor share = all.used.sum().to(wide).reciprocal(), matrix = weight.to(x.scalar_type());
  Tensor total = torch::zeros({}, weight.options().dtype(wide)), x_gradient, weight_gradient;
  if (with_gradients) x_gradient = torch::empty_like(x), weight_gradient = torch::zeros_like(weight);
  for (int64_t begin = 0; begin < x.size(0); begin += block) {
    const int64_t size = std::min(block, x.size(0) - begin);
    const Tensor part = x.narrow(0, begin, size);
    Tensor logarithms = torch::mm(part, matrix.t()).log_softmax(1, wide);
    total += block_loss(logarithms, all.narrow(begin, size), with_gradients ? share : Tensor());
    if (!with_gradients) continue;
    const Tensor gradient = logarithms.to(x.scalar_type());
    x_gradient.narrow(0, begin, size).copy_(torch::mm(gradient, matrix));
    if (is_mixed(x, weight)) {
      weight_gradient += torch::mm(gradient.t(), part);
    } else {
      weight_gradient.addmm_(gradient.t(), part);
    }
  }
  return {(total * share).to(weight.scalar_type()), x_gradient, weight_gradient};
}

Tensor linear_cross_entropy(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  return std::get<0>(linear_cross_entropy_by_blocks(x, weight, targets, false, block_rows(weight)));
}

std::tuple<Tensor, Tensor, Tensor> linear_cross_entropy_gradients(const Tensor& x, const Tensor& weight,
                                                                  const Tensor& targets) {
  return linear_cross_entropy_by_blocks(x, weight, targets, true, block_rows(weight));
}

}  // namespace composite
}  // namespace t6
