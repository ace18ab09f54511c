#include "t6/model/rope_scaling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr double kMaxFactor = 1e6;  // far beyond any model; keeps the frequencies normal numbers
constexpr int64_t kMaxPositions = int64_t{1} << 31;

constexpr auto kTypes = std::to_array<std::pair<RopeScalingKind, const char*>>({{RopeScalingKind::linear, "linear"},
                                                                                {RopeScalingKind::llama3, "llama3"},
                                                                                {RopeScalingKind::yarn, "yarn"},
                                                                                {RopeScalingKind::dynamic, "dynamic"}});

RopeScalingKind kind_of(const JsonObject& json, const std::string& type) {
  for (const auto& [kind, name] : kTypes) {
    if (type == name) return kind;
  }
  fail("{}: the type \"{}\" is not supported (linear, llama3, yarn and dynamic are)", json.source(), type);
}

void read_llama3(const JsonObject& json, RopeScaling& scaling) {
  scaling.low_freq_factor = json.number("low_freq_factor", 0, kMaxFactor);
  scaling.high_freq_factor = json.number("high_freq_factor", 0, kMaxFactor);
  require(scaling.low_freq_factor < scaling.high_freq_factor,
          "{}: \"low_freq_factor\" ({}) must be below \"high_freq_factor\" ({})", json.source(),
          scaling.low_freq_factor, scaling.high_freq_factor);
  scaling.original_max_position_embeddings = json.integer("original_max_position_embeddings", 1, kMaxPositions);
}

// 0.1 m ln(factor) + 1.
double magnitude(double factor, double m) { return factor <= 1 ? 1 : 0.1 * m * std::log(factor) + 1; }

// "attention_factor" may be there, or two numbers "mscale" of which DeepSeek's files make it.
double attention_factor(const JsonObject& json, double factor) {
  if (json.has("attention_factor")) return json.number("attention_factor", 0, kMaxFactor);
  const double above = json.number_or("mscale", 0, 0, kMaxFactor),
               below = json.number_or("mscale_all_dim", 0, 0, kMaxFactor);
  return above > 0 && below > 0 ? magnitude(factor, above) / magnitude(factor, below) : yarn_attention_factor(factor);
}

void read_yarn(const JsonObject& json, RopeScaling& scaling, int64_t positions) {
  scaling.original_max_position_embeddings =
      json.integer_or("original_max_position_embeddings", positions, 1, kMaxPositions);
  scaling.beta_fast = json.number_or("beta_fast", 32, 0, kMaxFactor);
  scaling.beta_slow = json.number_or("beta_slow", 1, 0, kMaxFactor);
  require(scaling.beta_slow > 0 && scaling.beta_slow <= scaling.beta_fast,
          "{}: \"beta_slow\" ({}) must be above 0 and no more than \"beta_fast\" ({})", json.source(),
          scaling.beta_slow, scaling.beta_fast);
  scaling.truncate = json.boolean_or("truncate", true);
  scaling.attention_factor = attention_factor(json, scaling.factor);
}

// The pair that turns `turns` times in the original positions, a real number.
double pair_of_turns(const RopeScaling& scaling, double turns, double dim, double theta) {
  const auto positions = static_cast<double>(scaling.original_max_position_embeddings);
  return dim * std::log(positions / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta));
}

// Of pair i: 1 / divisor goes from 1 to 1 / factor between the pairs of beta_fast and of beta_slow.
double yarn_divisor(const RopeScaling& scaling, int64_t i, int64_t dim, double theta) {
  const auto width = static_cast<double>(dim);
  double low = pair_of_turns(scaling, scaling.beta_fast, width, theta);
  double high = pair_of_turns(scaling, scaling.beta_slow, width, theta);
  if (scaling.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, width - 1);
  if (low == high) high += 0.001;  // as the definition does
  const double divided = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
  return 1 / (divided / scaling.factor + 1 - divided);
}

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

RopeScaling rope_scaling_from_json(const JsonObject& json, int64_t positions) {
  const std::string type = json.has("rope_type") ? json.string("rope_type") : json.string_or("type", "default");
  RopeScaling scaling;
  if (type == "default") return scaling;
  scaling.kind = kind_of(json, type);
  scaling.factor = json.number("factor", 1, kMaxFactor);
  if (scaling.kind == RopeScalingKind::llama3) read_llama3(json, scaling);
  if (scaling.kind == RopeScalingKind::yarn) read_yarn(json, scaling, positions);
  return scaling;
}

Json rope_scaling_to_json(const RopeScaling& scaling) {
  if (scaling.kind == RopeScalingKind::none) return nullptr;
  const auto* type =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& row) { return row.first == scaling.kind; });
  Json json = {{"rope_type", type->second}, {"factor", scaling.factor}};
  if (scaling.kind == RopeScalingKind::llama3) {
    json["low_freq_factor"] = scaling.low_freq_factor;
    json["high_freq_factor"] = scaling.high_freq_factor;
    json["original_max_position_embeddings"] = scaling.original_max_position_embeddings;
  }
  if (scaling.kind == RopeScalingKind::yarn) {
    json["original_max_position_embeddings"] = scaling.original_max_position_embeddings;
    json["beta_fast"] = scaling.beta_fast;
    json["beta_slow"] = scaling.beta_slow;
    json["truncate"] = scaling.truncate;
    json["attention_factor"] = scaling.attention_factor;
  }
  return json;
}

double rotary_scale(const RopeScaling& scaling) {
  return scaling.kind == RopeScalingKind::yarn ? scaling.attention_factor : 1;
}

double yarn_attention_factor(double factor) { return magnitude(factor, 1); }

std::vector<double> frequency_divisors(const RopeScaling& scaling, int64_t dim, double theta) {
  std::vector<double> divisors;
  if (scaling.kind == RopeScalingKind::none || scaling.kind == RopeScalingKind::dynamic) return divisors;
  for (int64_t i = 0; i < dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
    divisors.push_back(scaling.kind == RopeScalingKind::linear   ? scaling.factor
                       : scaling.kind == RopeScalingKind::llama3 ? llama3_divisor(scaling, frequency)
                                                                 : yarn_divisor(scaling, i, dim, theta));
  }
  return divisors;
}

}  // namespace t6
