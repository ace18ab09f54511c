#include "t6/train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adamw.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

// Added up in float64 in pieces of a fixed size, so that the sum depends neither on the number of threads nor on the
// order in which they finish, and needs no copy of the tensor.
double sum_of_squares(const torch::Tensor& tensor) {
  constexpr int64_t kPiece = 1 << 15;
  const float* values = tensor.const_data_ptr<float>();
  const int64_t count = tensor.numel(), pieces = divide_up(count, kPiece);
  std::vector<double> sums(static_cast<size_t>(pieces));
  at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      std::array<double, 8> lanes{};
      const float* from = values + p * kPiece;
      const int64_t size = std::min(kPiece, count - p * kPiece);
      int64_t i = 0;
      for (; i + 8 <= size; i += 8) {
        for (int64_t lane = 0; lane < 8; ++lane) {
          const double value = from[i + lane];
          lanes[static_cast<size_t>(lane)] += value * value;
        }
      }
      for (; i < size; ++i) lanes[0] += static_cast<double>(from[i]) * from[i];
      double& sum = sums[static_cast<size_t>(p)];
      for (const double lane : lanes) sum += lane;
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

AdamW::AdamW(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const AdamWOptions& options)
    : options_(options) {
  for (const auto& item : parameters) {
    require(item.value().is_contiguous() && item.value().scalar_type() == torch::kFloat && item.value().is_cpu(),
            "AdamW: the parameter \"{}\" is not contiguous float32 on the CPU", item.key());
    slots_.push_back({item.key(), item.value(), {}, {}, is_head_factor(item.key())});
  }
}

double AdamW::clip(double maximum) {
  double total = 0;
  for (const Slot& slot : slots_) {
    if (slot.parameter.grad().defined()) total += sum_of_squares(slot.parameter.grad().contiguous());
  }
  const double norm = std::sqrt(total);
  // 1e-6: torch.nn.utils.clip_grad_norm_ has it, and the reference clips by that.
  shrink_ = maximum > 0 ? std::max(1.0, (norm + 1e-6) / maximum) : 1.0;
  return norm;
}

void AdamW::step() {
  const torch::NoGradGuard no_gradients;
  allocate_moments();
  ++steps_;
  const torch::Tensor count = torch::full({}, static_cast<double>(steps_), torch::kFloat);
  std::optional<torch::Tensor> scale;
  if (shrink_ != 1) scale = torch::full({}, shrink_, torch::kFloat);
  for (const bool head_factors : {false, true}) {
    for (const bool matrices : {true, false}) step(matrices, head_factors, count, scale);
  }
  shrink_ = 1;
}

void AdamW::step(bool matrices, bool head_factors, const torch::Tensor& count,
                 const std::optional<torch::Tensor>& scale) {
  const double rate = options_.learning_rate * (head_factors ? options_.head_factor_learning_rate_scale : 1);
  const double weight_decay = matrices || !options_.decay_matrices_only ? options_.weight_decay : 0;
  std::vector<torch::Tensor> parameters, gradients, averages, squares;
  for (const Slot& slot : slots_) {
    const torch::Tensor& gradient = slot.parameter.grad();
    if (!gradient.defined() || (slot.parameter.dim() >= 2) != matrices) continue;
    if (slot.head_factor != head_factors) continue;
    parameters.push_back(slot.parameter);
    gradients.push_back(gradient.contiguous());
    averages.push_back(slot.average);
    squares.push_back(slot.square);
  }
  if (parameters.empty()) return;
  const std::vector<torch::Tensor> counts(parameters.size(), count);
  at::_fused_adamw_(parameters, gradients, averages, squares, {}, counts, rate, options_.beta1, options_.beta2,
                    weight_decay, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false, scale);
}

void AdamW::zero_grad() {
  for (const Slot& slot : slots_) slot.parameter.mutable_grad().reset();
}

AdamW::NamedTensors AdamW::moments() {
  allocate_moments();
  NamedTensors tensors;
  for (const Slot& slot : slots_) {
    tensors.emplace_back("exp_avg." + slot.name, slot.average);
    tensors.emplace_back("exp_avg_sq." + slot.name, slot.square);
  }
  return tensors;
}

void AdamW::allocate_moments() {
  for (Slot& slot : slots_) {
    if (slot.average.defined()) continue;
    slot.average = torch::zeros_like(slot.parameter, torch::requires_grad(false));
    slot.square = torch::zeros_like(slot.parameter, torch::requires_grad(false));
  }
}

}  // namespace t6
