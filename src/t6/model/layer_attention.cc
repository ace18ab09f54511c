#include "t6/model/layer_attention.h"

#include "t6/model/factors.h"

namespace t6 {

LayerAttention layer_attention(const ModelConfig& config, int64_t layer) {
  const auto index = static_cast<size_t>(layer);
  LayerAttention out;
  const bool slides = config.slides(layer);
  if (slides) {
    out.window = config.sliding_window;
    out.sinks = config.attention_sinks;
  }
  if (!config.no_rope_layers.empty() && !config.no_rope_layers[index]) return out;
  out.rotation = {rotary_dim(config), config.rope_theta, config.rope_scaling};
  if (slides && config.rope_local_base_freq > 0) {
    out.rotation.theta = config.rope_local_base_freq;
    out.rotation.scaling = {};
  }
  return out;
}

RotaryTable rotary_table(const Rotation& rotation) {
  return {rotation.dim, rotation.theta, frequency_divisors(rotation.scaling, rotation.dim, rotation.theta),
          rotary_scale(rotation.scaling)};
}

}  // namespace t6
