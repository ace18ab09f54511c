#include "t6/ops/cross_entropy.h"

#include "t6/kernels/cross_entropy.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

double by_torch(torch::Tensor logits, const torch::Tensor& targets, double scale) {
  const torch::Tensor used = targets.ne(-1), index = targets.clamp_min(0).unsqueeze(1);
  const torch::Tensor log_sum = logits.logsumexp(1, true);
  const torch::Tensor total = (log_sum - logits.gather(1, index)).squeeze(1).mul(used).sum();
  logits.sub_(log_sum).exp_();  // softmax
  logits.scatter_add_(1, index, torch::full_like(log_sum, -1));
  logits.mul_(used.to(logits.dtype()).mul_(scale).unsqueeze(1));
  return total.item<double>();
}

double by_kernel(const torch::Tensor& logits, const torch::Tensor& targets, double scale, bool bfloat_gradient) {
  const torch::Tensor rows = targets.contiguous();
  return cross_entropy(torch_context(), {.logits = logits.mutable_data_ptr<float>(),
                                         .targets = rows.const_data_ptr<int64_t>(),
                                         .rows = logits.size(0),
                                         .classes = logits.size(1),
                                         .scale = static_cast<float>(scale),
                                         .bfloat_gradient = bfloat_gradient});
}

}  // namespace

double cross_entropy_(const torch::Tensor& logits, const torch::Tensor& targets, double scale) {
  return logits.scalar_type() == torch::kFloat ? by_kernel(logits, targets, scale, false)
                                               : by_torch(logits, targets, scale);
}

NarrowGradient cross_entropy_to_bfloat16(const torch::Tensor& logits, const torch::Tensor& targets, double scale) {
  const double loss = by_kernel(logits, targets, scale, true);
  return {loss, logits.view(torch::kBFloat16).narrow(1, 0, logits.size(1))};
}

}  // namespace t6
