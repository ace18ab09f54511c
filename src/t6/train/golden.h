// Golden files: the reference's parameters, a batch, and what the reference made of it (logits, gradients, three AdamW
// steps). A model that agrees with them is the reference's model.
#pragma once

#include <filesystem>

#include "t6/nn/attention_path.h"

namespace t6 {

// The largest errors, and what is allowed.
struct GoldenErrors {
  double logits = 0;          // of the largest logit's magnitude; 1e-4
  double gradients = 0;       // of that parameter's largest gradient; 1e-3
  double losses = 0;          // relative, three steps; 1e-5
  double gradient_norms = 0;  // relative, three steps; 1e-4
  double parameters = 0;      // absolute, after the third step; 1e-4

  bool passed() const {  // written so that a NaN fails
    return logits <= 1e-4 && gradients <= 1e-3 && losses <= 1e-5 && gradient_norms <= 1e-4 && parameters <= 1e-4;
  }
};

GoldenErrors check_golden(const std::filesystem::path& path, AttentionPath attention = AttentionPath::fused);

}  // namespace t6
