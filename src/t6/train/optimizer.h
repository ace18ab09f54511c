// AdamW with clipping by the global norm, which allocates nothing but its two moments a parameter; of several ranks
// each has its share of the moments and updates that part of the parameters.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "t6/train/adamw_options.h"
#include "t6/train/distributed/layout.h"
#include "t6/train/ranks.h"

namespace t6 {

class AdamW {
 public:
  using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

  // Parameters are contiguous float32 on one device and keep their storage while this lives. Of several ranks, which
  // are on the CPU, it gives them one: a row of memory, whatever was in the parameters before.
  AdamW(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const AdamWOptions& options,
        std::shared_ptr<Ranks> ranks = std::make_shared<Ranks>());

  // All ranks take the first's parameters.
  void share_parameters();

  // The norm of all gradients as one vector, NaN or infinite when one of them is. The next step() scales the gradients
  // so that this norm is at most `maximum`; 0 leaves them as they are.
  double clip(double maximum);
  // The same as a scalar of float64 on the parameters' device, for which nobody waits.
  torch::Tensor clip_without_waiting(double maximum);
  // Parameters without a gradient stay as they are. Of gradients a rank looks at its own parts (layout()); the maximum
  // of clip() is the same on all ranks, and so are the parameters afterwards.
  void step();
  // Drops the gradients: until the next backward pass their memory serves the forward pass.
  void zero_grad();

  void set_learning_rate(double rate) { options_.learning_rate = rate; }
  int64_t steps() const { return steps_; }
  const Layout& layout() const { return layout_; }

  // "exp_avg.NAME" and "exp_avg_sq.NAME" of every parameter: the state, besides steps(). Made zero at the first call of
  // this or of step(). Alone they are what it computes with; the first of several ranks gets copies, the others
  // nothing.
  NamedTensors moments();
  // Goes on with what moments() gave and the first rank has written to.
  void take_moments(const NamedTensors& whole);
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  struct Slot {
    std::string name;
    torch::Tensor parameter;
    torch::Tensor part, average, square;  // of the parameter what the rank updates, of one shape
    Layout::Part where;                   // in the parameter
    bool head_factor;

    torch::Tensor part_of(const torch::Tensor& whole) const;
  };
  void lay_out();
  double clip_on_cpu(double maximum);
  void allocate_moments();
  void gather_parameters();
  template <typename Copy>
  void for_parts(int64_t rank, const Copy& copy) const;
  // One moment of all parameters, which the first rank has as a row or as whole(slot): from or into the slots, which
  // have a rank's parts.
  torch::Tensor gather(torch::Tensor Slot::*moment);
  void scatter(const std::function<torch::Tensor(size_t)>& whole, torch::Tensor Slot::*moment);
  torch::Tensor place_in(const torch::Tensor& row, size_t slot) const;
  // Those parameters that are matrices, or those that are not; of head factors, or of anything else.
  void step(bool matrices, bool head_factors, const torch::Tensor& count, const std::optional<torch::Tensor>& scale);

  std::shared_ptr<Ranks> ranks_;
  std::vector<Slot> slots_;
  Layout layout_;
  torch::Tensor row_;  // of all parameters, as layout_ says; undefined: one rank
  AdamWOptions options_;
  torch::Device device_ = torch::kCPU;  // of the parameters
  int64_t steps_ = 0;
  std::optional<torch::Tensor> divisor_;  // of the gradients in the next step; none: 1
};

}  // namespace t6
