#include "t6/infer/key_bias.h"

#include <cmath>
#include <utility>

namespace t6 {

KeyBias::KeyBias(std::span<const float> least, RotaryTable rotary, std::span<float> bias) : rotary_dim_(rotary.dim()) {
  rotary.extend(kPageTokens);
  const size_t features = bias.size() / least.size(), half = static_cast<size_t>(rotary.dim()) / 2;
  first_.push_back(0);
  for (size_t r = 0; r < least.size(); ++r) {
    const std::span<float> key = bias.subspan(r * features, features);
    for (size_t i = 0; i < half; ++i) {
      if (std::hypot(key[i], key[half + i]) > least[r]) hold(key[i], key[half + i], static_cast<int64_t>(i), rotary);
    }
    for (size_t i = 2 * half; i < features; ++i) {
      if (std::abs(key[i]) > least[r]) key[i] = 0;
    }
    first_.push_back(static_cast<int64_t>(features_.size()));
  }
}

void KeyBias::hold(float& one, float& other, int64_t feature, const RotaryTable& rotary) {
  features_.push_back(static_cast<int32_t>(feature));
  const size_t row = rows_.size();
  rows_.resize(row + 2 * kPageTokens);
  for (int64_t t = 0; t < kPageTokens; ++t) {
    const float *entry = rotary.at(t), cosine = entry[feature], sine = entry[rotary.dim() / 2 + feature];
    float* at = rows_.data() + row + t;
    at[0] = one * cosine - other * sine;
    at[kPageTokens] = other * cosine + one * sine;
  }
  one = other = 0;
}

HeldBias KeyBias::view(const float* entry) const {
  if (features_.empty()) return {};
  return {first_.data(), features_.data(), rows_.data(), entry, rotary_dim_};
}

}  // namespace t6
