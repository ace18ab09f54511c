#include "t6/model/rope_scaling.h"

#include <cmath>
#include <numbers>
#include <string>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr double kMaxFactor = 1e6;  // far beyond any model; keeps the frequencies normal numbers

// Of a rotation by `frequency` radians a position.
double llama3_divisor(const RopeScaling& scaling, double frequency) {
  const double turns =
      static_cast<double>(scaling.original_max_position_embeddings) * frequency / (2 * std::numbers::pi);
  if (turns > scaling.high_freq_factor) return 1;
  if (turns < scaling.low_freq_factor) return scaling.factor;
  const double high = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return 1 / ((1 - high) / scaling.factor + high);
}

}  // namespace

RopeScaling rope_scaling_from_json(const JsonObject& json) {
  const std::string type = json.has("rope_type") ? json.string("rope_type") : json.string_or("type", "default");
  RopeScaling scaling;
  if (type == "default") return scaling;
  require(type == "linear" || type == "llama3", "{}: the type \"{}\" is not supported (linear and llama3 are)",
          json.source(), type);
  scaling.kind = type == "linear" ? RopeScalingKind::linear : RopeScalingKind::llama3;
  scaling.factor = json.number("factor", 1, kMaxFactor);
  if (scaling.kind == RopeScalingKind::linear) return scaling;
  scaling.low_freq_factor = json.number("low_freq_factor", 0, kMaxFactor);
  scaling.high_freq_factor = json.number("high_freq_factor", 0, kMaxFactor);
  require(scaling.low_freq_factor < scaling.high_freq_factor,
          "{}: \"low_freq_factor\" ({}) must be below \"high_freq_factor\" ({})", json.source(),
          scaling.low_freq_factor, scaling.high_freq_factor);
  scaling.original_max_position_embeddings = json.integer("original_max_position_embeddings", 1, int64_t{1} << 31);
  return scaling;
}

Json rope_scaling_to_json(const RopeScaling& scaling) {
  if (scaling.kind == RopeScalingKind::none) return nullptr;
  if (scaling.kind == RopeScalingKind::linear) return {{"rope_type", "linear"}, {"factor", scaling.factor}};
  return {{"rope_type", "llama3"},
          {"factor", scaling.factor},
          {"low_freq_factor", scaling.low_freq_factor},
          {"high_freq_factor", scaling.high_freq_factor},
          {"original_max_position_embeddings", scaling.original_max_position_embeddings}};
}

std::vector<double> frequency_divisors(const RopeScaling& scaling, int64_t dim, double theta) {
  std::vector<double> divisors;
  if (scaling.kind == RopeScalingKind::none) return divisors;
  for (int64_t i = 0; i < dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
    divisors.push_back(scaling.kind == RopeScalingKind::linear ? scaling.factor : llama3_divisor(scaling, frequency));
  }
  return divisors;
}

}  // namespace t6
