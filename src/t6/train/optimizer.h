// AdamW with clipping by the global norm, which allocates nothing but its two moments a parameter.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "t6/train/adamw_options.h"

namespace t6 {

class AdamW {
 public:
  using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

  // Parameters are contiguous float32 on the CPU and keep their storage while this lives.
  AdamW(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const AdamWOptions& options);

  // The norm of all gradients as one vector, NaN or infinite when one of them is. The next step() scales the gradients
  // so that this norm is at most `maximum`; 0 leaves them as they are.
  double clip(double maximum);
  // Parameters without a gradient stay as they are.
  void step();
  // Drops the gradients: until the next backward pass their memory serves the forward pass.
  void zero_grad();

  void set_learning_rate(double rate) { options_.learning_rate = rate; }
  int64_t steps() const { return steps_; }

  // "exp_avg.NAME" and "exp_avg_sq.NAME" of every parameter: the state, besides steps(). Made zero at the first call of
  // this or of step().
  NamedTensors moments();
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  struct Slot {
    std::string name;
    torch::Tensor parameter, average, square;  // of one shape
    bool head_factor;
  };
  void allocate_moments();
  // Those parameters that are matrices, or those that are not; of head factors, or of anything else.
  void step(bool matrices, bool head_factors, const torch::Tensor& count, const std::optional<torch::Tensor>& scale);

  std::vector<Slot> slots_;
  AdamWOptions options_;
  int64_t steps_ = 0;
  double shrink_ = 1;  // the gradients' divisor in the next step
};

}  // namespace t6
