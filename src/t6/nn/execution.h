// How a model's passes are computed, which changes no parameter of it.
#pragma once

#include <optional>
#include <string>

#include "t6/nn/attention_path.h"

namespace t6 {

enum class Precision {
  float32,
  bfloat16  // of products and of what is kept for the backward pass; parameters, gradients and sums stay float32
};

// "float32" or "bfloat16". Error: another name; `source` begins the message.
Precision parse_precision(const std::string& name, const std::string& source);

// What the backward pass computes anew in the place of keeping it.
enum class Recompute {
  none,
  attention,  // all of a layer's attention but its input
  layer       // all of a layer but its input
};

// "none", "attention" or "layer". Error: another name; `source` begins the message.
Recompute parse_recompute(const std::string& name, const std::string& source);

struct Execution {
  Execution(AttentionPath attention_path = AttentionPath::fused, Precision of_products = Precision::float32,
            Recompute again = Recompute::none)
      : attention(attention_path), precision(of_products), recompute(again) {}

  AttentionPath attention;
  Precision precision;
  Recompute recompute;
};

}  // namespace t6
