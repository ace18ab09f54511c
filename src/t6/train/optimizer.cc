#include "t6/train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adamw.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/model/parameters.h"
#include "t6/train/steps/gradient_norm.h"

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

AdamW::AdamW(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const AdamWOptions& options,
             std::shared_ptr<Ranks> ranks)
    : ranks_(std::move(ranks)), options_(options) {
  std::vector<int64_t> sizes;
  for (const auto& item : parameters) {
    if (sizes.empty()) device_ = item.value().device();
    require(
        item.value().is_contiguous() && item.value().scalar_type() == torch::kFloat && item.value().device() == device_,
        "AdamW: the parameter \"{}\" is not contiguous float32 on {}", item.key(), device_.str());
    sizes.push_back(item.value().numel());
    Slot& slot = slots_.emplace_back();
    slot.name = item.key(), slot.parameter = item.value(), slot.head_factor = is_head_factor(item.key());
  }
  require(device_.is_cpu() || ranks_->size() == 1, "AdamW: the parameters of several ranks are on {}, not the CPU",
          device_.str());
  layout_ = make_layout(sizes, ranks_->size());
  if (ranks_->size() > 1) lay_out();
  const torch::NoGradGuard no_gradients;
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].where = layout_.part(i, ranks_->rank());
    slots_[i].part = slots_[i].part_of(slots_[i].parameter);
  }
}

void AdamW::lay_out() {
  row_ = torch::zeros({layout_.total()});
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].parameter.set_data(place_in(row_, i));
}

torch::Tensor AdamW::place_in(const torch::Tensor& row, size_t slot) const {
  return row.narrow(0, layout_.places[slot], layout_.sizes[slot]).view(slots_[slot].parameter.sizes());
}

torch::Tensor AdamW::share_in(const torch::Tensor& share, size_t slot) const {
  const auto [begin, count] = slots_[slot].where;
  const int64_t place = layout_.places[slot] + begin - ranks_->rank() * layout_.share;
  return share.narrow(0, count > 0 ? place : 0, count);
}

torch::Tensor AdamW::Slot::part_of(const torch::Tensor& whole) const {
  return where.count == whole.numel() ? whole : whole.view(-1).narrow(0, where.begin, where.count);
}

void AdamW::share_parameters() {
  if (ranks_->size() > 1) ranks_->broadcast(row_);
}

double AdamW::clip(double maximum) { return clip_without_waiting(maximum).item<double>(); }

torch::Tensor AdamW::clip_without_waiting(double maximum) {
  const torch::NoGradGuard no_gradients;
  if (device_.is_cpu()) return torch::full({}, clip_on_cpu(maximum), torch::kDouble);
  std::vector<torch::Tensor> gradients;
  for (const Slot& slot : slots_) {
    if (slot.parameter.grad().defined()) gradients.push_back(slot.parameter.grad());
  }
  torch::Tensor norm = norm_on_device(gradients);
  if (maximum > 0) divisor_ = clip_divisor(norm, maximum);
  return norm;
}

double AdamW::clip_on_cpu(double maximum) {
  double total = 0;
  for (const Slot& slot : slots_) {
    if (slot.parameter.grad().defined()) total += sum_of_squares(slot.parameter.grad().contiguous());
  }
  const double norm = std::sqrt(total);
  // As in clip_divisor(); without one the step is faster.
  const double divisor = maximum > 0 ? std::max(1.0, (norm + 1e-6) / maximum) : 1.0;
  divisor_ = divisor != 1 ? std::optional(torch::full({}, divisor, torch::kFloat)) : std::nullopt;
  return norm;
}

void AdamW::step() {
  const torch::NoGradGuard no_gradients;
  allocate_moments();
  ++steps_;
  const torch::Tensor count = torch::full({}, static_cast<double>(steps_), torch::dtype(torch::kFloat).device(device_));
  for (const bool head_factors : {false, true}) {
    for (const bool matrices : {true, false}) step(matrices, head_factors, count, divisor_);
  }
  divisor_.reset();
  if (ranks_->size() > 1) ranks_->all_gather(row_);
}

void AdamW::step(bool matrices, bool head_factors, const torch::Tensor& count,
                 const std::optional<torch::Tensor>& scale) {
  const double rate = options_.learning_rate * (head_factors ? options_.head_factor_learning_rate_scale : 1);
  const double weight_decay = matrices || !options_.decay_matrices_only ? options_.weight_decay : 0;
  std::vector<torch::Tensor> parameters, gradients, averages, squares;
  for (const Slot& slot : slots_) {
    const torch::Tensor& gradient = slot.parameter.grad();
    if (!gradient.defined() || (slot.parameter.dim() >= 2) != matrices) continue;
    if (slot.head_factor != head_factors || slot.where.count == 0) continue;
    parameters.push_back(slot.part);
    gradients.push_back(slot.part_of(gradient.contiguous()));
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
  const bool alone = ranks_->size() == 1;
  const torch::Tensor averages = alone ? torch::Tensor() : gather(&Slot::average);
  const torch::Tensor squares = alone ? torch::Tensor() : gather(&Slot::square);
  NamedTensors tensors;
  for (size_t i = 0; i < slots_.size() && ranks_->first(); ++i) {
    tensors.emplace_back("exp_avg." + slots_[i].name, alone ? slots_[i].average : place_in(averages, i));
    tensors.emplace_back("exp_avg_sq." + slots_[i].name, alone ? slots_[i].square : place_in(squares, i));
  }
  return tensors;
}

torch::Tensor AdamW::gather(torch::Tensor Slot::*moment) {
  const torch::Tensor share = torch::zeros({layout_.share});
  for (size_t i = 0; i < slots_.size(); ++i) share_in(share, i).copy_((slots_[i].*moment).view(-1));
  const torch::Tensor whole = ranks_->first() ? torch::empty({layout_.total()}) : torch::Tensor();
  ranks_->gather(share, whole);
  return whole;
}

void AdamW::take_moments(const NamedTensors& whole) {
  if (ranks_->size() == 1) return;  // they are its own
  allocate_moments();
  torch::Tensor averages, squares;
  if (ranks_->first()) {
    averages = torch::zeros({layout_.total()}), squares = torch::zeros({layout_.total()});
    for (size_t i = 0; i < slots_.size(); ++i) {
      place_in(averages, i).copy_(whole[2 * i].second);
      place_in(squares, i).copy_(whole[2 * i + 1].second);
    }
  }
  scatter(averages, &Slot::average);
  scatter(squares, &Slot::square);
}

void AdamW::scatter(const torch::Tensor& whole, torch::Tensor Slot::*moment) {
  const torch::Tensor share = torch::empty({layout_.share});
  ranks_->scatter(whole, share);
  for (size_t i = 0; i < slots_.size(); ++i) (slots_[i].*moment).view(-1).copy_(share_in(share, i));
}

void AdamW::allocate_moments() {
  for (Slot& slot : slots_) {
    if (slot.average.defined()) continue;
    slot.average = torch::zeros_like(slot.part, torch::requires_grad(false));
    slot.square = torch::zeros_like(slot.part, torch::requires_grad(false));
  }
}

}  // namespace t6
