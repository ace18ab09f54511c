// What differs from layer to layer of a model: how far its attention sees, and how it rotates.
#pragma once

#include <cstdint>

#include "t6/kernels/rotary.h"
#include "t6/model/config.h"

namespace t6 {

struct Rotation {
  int64_t dim = 0;  // features that rotate (rotary_dim()); 0: none do
  double theta = 10000;
  RopeScaling scaling = {};

  bool operator==(const Rotation&) const = default;
};

struct LayerAttention {
  // A token sees the last `window` tokens up to itself, and the first `sinks` of all. 0: every token up to itself.
  int64_t window = 0, sinks = 0;
  Rotation rotation = {};

  bool operator==(const LayerAttention&) const = default;
};

// Of layer `layer` of a configuration that check_config() accepts.
LayerAttention layer_attention(const ModelConfig& config, int64_t layer);

// The cosines and sines of a rotation.
RotaryTable rotary_table(const Rotation& rotation);

}  // namespace t6
