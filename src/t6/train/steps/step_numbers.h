// The losses and norms of steps that a device may still be at work on.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace t6 {

struct StepNumbers {
  int64_t step = 0;
  double loss = 0, gradient_norm = 0;
};

// Numbers of steps, in order, until somebody wants to know them.
class PendingNumbers {
 public:
  // Scalars of float64, on one device.
  void add(int64_t step, const torch::Tensor& loss, const torch::Tensor& gradient_norm) {
    steps_.push_back(step);
    numbers_.push_back(loss);
    numbers_.push_back(gradient_norm);
  }

  // Those that were added since the last time. Waits for the device, once.
  std::vector<StepNumbers> take() {
    std::vector<StepNumbers> taken;
    if (steps_.empty()) return taken;
    const torch::Tensor all = torch::stack(numbers_).cpu();
    const double* values = all.const_data_ptr<double>();
    for (size_t i = 0; i < steps_.size(); ++i) taken.push_back({steps_[i], values[2 * i], values[2 * i + 1]});
    steps_.clear(), numbers_.clear();
    return taken;
  }

 private:
  std::vector<int64_t> steps_;
  std::vector<torch::Tensor> numbers_;  // of each step its loss and its norm
};

}  // namespace t6
