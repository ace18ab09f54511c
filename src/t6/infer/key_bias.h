// The bias of keys, parted into what a cache stores with them and what attention adds by itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/kernels/rotary.h"

namespace t6 {

// Pairs of features with a large bias, which would leave the others of a key few bits of a cache (Qwen2's).
class KeyBias {
 public:
  KeyBias() = default;  // nothing is held apart
  // Takes out of `bias` [R, D] what is large: of key r the pairs of rotated features whose bias is longer than
  // least[r], and the features of those that do not rotate. Theirs is dropped: it adds the same to all logits of a
  // query, which softmax does not see.
  KeyBias(std::span<const float> least, RotaryTable rotary, std::span<float> bias);

  // As attention() reads it; `entry` as HeldBias::rotary.
  HeldBias view(const float* entry) const;
  std::span<const int32_t> features() const { return features_; }  // of the pairs that are held, all keys'

 private:
  void hold(float& one, float& other, int64_t feature, const RotaryTable& rotary);

  int64_t rotary_dim_ = 0;
  std::vector<int64_t> first_;     // [R + 1]
  std::vector<int32_t> features_;  // [pairs]
  std::vector<float> rows_;        // [pairs, 2, 64]
};

}  // namespace t6
