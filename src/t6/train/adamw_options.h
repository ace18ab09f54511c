// The numbers of AdamW (Loshchilov and Hutter 2019), apart from the optimizer, which needs Torch.
#pragma once

namespace t6 {

struct AdamWOptions {
  double learning_rate = 6e-4;
  double beta1 = 0.9, beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // decoupled: a step first shrinks a parameter by learning_rate * weight_decay
  // Parameters of head factors (q_proj.a and so on) learn at so many times learning_rate.
  double head_factor_learning_rate_scale = 1;
  bool decay_matrices_only = false;  // false: every parameter decays, as in the paper's reference
};

}  // namespace t6
