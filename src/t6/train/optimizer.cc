#include "t6/train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_fused_adamw.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/rounding.h"
#include "t6/model/parameters.h"
#include "t6/train/steps/gradient_norm.h"

namespace t6 {
namespace {

constexpr int64_t kPiece = Layout::kPiece;

// The sum of squares of each piece of the tensor in float64, so that the sum of all depends neither on the number of
// threads nor on which ranks have which pieces.
void sums_of_squares(const torch::Tensor& tensor, double* sums) {
  const float* values = tensor.const_data_ptr<float>();
  const int64_t count = tensor.numel();
  at::parallel_for(0, divide_up(count, kPiece), /*grain_size=*/8, [&](int64_t begin, int64_t end) {
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
      for (const double lane : lanes) sums[p] += lane;
    }
  });
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
  std::vector<double> sums;  // of all pieces; other ranks' are 0 until they tell
  for (const Slot& slot : slots_) {
    const torch::Tensor& gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    const size_t first = sums.size() + static_cast<size_t>(slot.where.begin / kPiece);
    sums.resize(sums.size() + static_cast<size_t>(divide_up(gradient.numel(), kPiece)));
    if (slot.where.count > 0) sums_of_squares(slot.part_of(gradient.contiguous()), sums.data() + first);
  }
  sums = ranks_->sum(std::move(sums));
  const double norm = std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
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
  if (ranks_->size() > 1) gather_parameters();
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

void AdamW::gather_parameters() {
  std::vector<std::vector<torch::Tensor>> lists;
  for (size_t b = 0; b < layout_.buckets.size(); ++b) lists.push_back(layout_.parts_of(b, layout_.bucket_in(row_, b)));
  ranks_->all_gather(lists);
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

// Calls copy(parameter, part, place) for each part of a rank: where it lies in what has them one behind another.
template <typename Copy>
void AdamW::for_parts(int64_t rank, const Copy& copy) const {
  int64_t place = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Layout::Part part = layout_.part(i, rank);
    if (part.count > 0) copy(i, part, place);
    place += part.count;
  }
}

torch::Tensor AdamW::gather(torch::Tensor Slot::*moment) {
  const int64_t most = layout_.largest_share();
  const torch::Tensor share = torch::zeros({most});
  for_parts(ranks_->rank(), [&](size_t i, const Layout::Part& part, int64_t place) {
    share.narrow(0, place, part.count).copy_((slots_[i].*moment).view(-1));
  });
  if (!ranks_->first()) return ranks_->gather(share, {}), torch::Tensor();
  const torch::Tensor shares = torch::empty({ranks_->size() * most}), whole = torch::empty({layout_.total()});
  ranks_->gather(share, shares);
  for (int64_t rank = 0; rank < ranks_->size(); ++rank) {
    for_parts(rank, [&](size_t i, const Layout::Part& part, int64_t place) {
      whole.narrow(0, layout_.places[i] + part.begin, part.count)
          .copy_(shares.narrow(0, rank * most + place, part.count));
    });
  }
  return whole;
}

void AdamW::take_moments(const NamedTensors& whole) {
  if (ranks_->size() == 1) return;  // they are its own
  allocate_moments();
  scatter([&](size_t slot) { return whole[2 * slot].second; }, &Slot::average);
  scatter([&](size_t slot) { return whole[2 * slot + 1].second; }, &Slot::square);
}

void AdamW::scatter(const std::function<torch::Tensor(size_t)>& whole, torch::Tensor Slot::*moment) {
  const int64_t most = layout_.largest_share();
  torch::Tensor shares;
  if (ranks_->first()) shares = torch::zeros({ranks_->size() * most});
  for (int64_t rank = 0; rank < ranks_->size() && ranks_->first(); ++rank) {
    for_parts(rank, [&](size_t i, const Layout::Part& part, int64_t place) {
      shares.narrow(0, rank * most + place, part.count).copy_(whole(i).view(-1).narrow(0, part.begin, part.count));
    });
  }
  const torch::Tensor share = torch::empty({most});
  ranks_->scatter(shares, share);
  for_parts(ranks_->rank(), [&](size_t i, const Layout::Part& part, int64_t place) {
    (slots_[i].*moment).view(-1).copy_(share.narrow(0, place, part.count));
  });
}

void AdamW::allocate_moments() {
  for (Slot& slot : slots_) {
    if (slot.average.defined()) continue;
    slot.average = torch::zeros_like(slot.part, torch::requires_grad(false));
    slot.square = torch::zeros_like(slot.part, torch::requires_grad(false));
  }
}

}  // namespace t6
