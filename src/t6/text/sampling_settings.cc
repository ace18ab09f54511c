#include "t6/text/sampling_settings.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/write_gguf_sampling.h"

namespace t6 {
namespace {

struct NumberKey {
  const char* name;       // in generation_config.json
  const char* gguf_name;  // after general.sampling.; null: no such key
  std::optional<double> SamplingSettings::*field;
  double low, high;
  bool takes_low;
  const char* wanted;
};

constexpr double kAny = std::numeric_limits<float>::max();
constexpr char kShare[] = "a number above 0 and at most 1";
constexpr NumberKey kNumbers[] = {
    {"temperature", "temp", &SamplingSettings::temperature, 0, kAny, true, "a number from 0 up"},
    {"top_p", "top_p", &SamplingSettings::top_p, 0, 1, false, kShare},
    {"min_p", "min_p", &SamplingSettings::min_p, 0, 1, true, "a number from 0 to 1"},
    {"typical_p", nullptr, &SamplingSettings::typical_p, 0, 1, false, kShare},
    {"repetition_penalty", "penalty_repeat", &SamplingSettings::repetition_penalty, 0, kAny, false, "a number above 0"},
};

// Keys that change what transformers choose and that T6 has nothing for, with the value that changes nothing.
struct UnusedKey {
  const char* name;
  double neutral;
};
constexpr UnusedKey kUnused[] = {{"num_beams", 1},
                                 {"penalty_alpha", 0},
                                 {"no_repeat_ngram_size", 0},
                                 {"encoder_no_repeat_ngram_size", 0},
                                 {"encoder_repetition_penalty", 1},
                                 {"diversity_penalty", 0},
                                 {"epsilon_cutoff", 0},
                                 {"eta_cutoff", 0},
                                 {"guidance_scale", 1},
                                 {"suppress_tokens", 0},
                                 {"bad_words_ids", 0},
                                 {"sequence_bias", 0}};

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 40 ? "..." : text;
}

void leave_out(SamplingSettings& settings, const std::string& key, const Json& value, const std::string& reason) {
  settings.unused.push_back(fmt::format("{} {}: {}", key, shown(value), reason));
}

void read_number(const JsonObject& json, const std::string& key, const NumberKey& row, SamplingSettings& settings) {
  if (!json.has(key)) return;
  const Json& value = json.at(key);
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  const bool fits = (number > row.low || (row.takes_low && number == row.low)) && number <= row.high;
  if (!fits) return leave_out(settings, key, value, fmt::format("wanted is {}", row.wanted));
  settings.*row.field = number;
}

void read_top_k(const JsonObject& json, const std::string& key, SamplingSettings& settings) {
  if (!json.has(key)) return;
  const Json& value = json.at(key);
  const bool fits = value.is_number_integer() && value >= 0 && value <= std::numeric_limits<int32_t>::max();
  if (!fits) return leave_out(settings, key, value, "wanted is a whole number from 0 up");
  settings.top_k = value.get<int64_t>();
}

bool is_neutral(const Json& value, double neutral) {
  return value.is_null() || value.empty() || (value.is_number() && value == neutral);
}

}  // namespace

SamplingSettings read_sampling(const JsonObject& generation_config) {
  SamplingSettings settings;
  for (const NumberKey& row : kNumbers) read_number(generation_config, row.name, row, settings);
  read_top_k(generation_config, "top_k", settings);
  if (generation_config.has("do_sample")) {
    const Json& value = generation_config.at("do_sample");
    if (!value.is_boolean()) leave_out(settings, "do_sample", value, "wanted is true or false");
    if (value == false) settings.temperature = 0;
  }
  for (const UnusedKey& key : kUnused) {
    if (!generation_config.has(key.name) || is_neutral(generation_config.at(key.name), key.neutral)) continue;
    leave_out(settings, key.name, generation_config.at(key.name), "T6 has no such choice");
  }
  return settings;
}

SamplingSettings gguf_sampling(const JsonObject& values) {
  const std::string prefix = "general.sampling.";
  SamplingSettings settings;
  std::vector<std::string> known = {prefix + "top_k"};
  read_top_k(values, known[0], settings);
  for (const NumberKey& row : kNumbers) {
    if (!row.gguf_name) continue;
    known.push_back(prefix + row.gguf_name);
    read_number(values, known.back(), row, settings);
    // The file's float32 as the number that its maker wrote: 0.95, not 0.949999988.
    auto& number = settings.*row.field;
    if (number && static_cast<float>(*number) > 0) number = std::stod(fmt::format("{}", static_cast<float>(*number)));
  }
  for (const auto& [key, value] : values.json().items()) {
    const bool other = key.starts_with(prefix) && std::ranges::count(known, key) == 0;
    if (other && !is_neutral(value, 0)) leave_out(settings, key, value, "T6 has no such choice");
  }
  return settings;
}

void write_sampling(const SamplingSettings& settings, Json& generation_config) {
  if (settings == SamplingSettings{.unused = settings.unused}) return;
  // Other programs draw tokens only where this is true, and not with a temperature of 0.
  const bool greedy = settings.temperature == 0.0;
  generation_config["do_sample"] = !greedy;
  for (const NumberKey& row : kNumbers) {
    const auto& number = settings.*row.field;
    if (number && !(greedy && row.field == &SamplingSettings::temperature)) generation_config[row.name] = *number;
  }
  if (settings.top_k) generation_config["top_k"] = *settings.top_k;
}

std::vector<std::string> add_gguf_sampling(const SamplingSettings& settings, GgufWriter& file) {
  std::vector<std::string> left_out;
  for (const NumberKey& row : kNumbers) {
    const auto& number = settings.*row.field;
    if (!number) continue;
    if (row.gguf_name) {
      file.add(std::string("general.sampling.") + row.gguf_name, static_cast<float>(*number));
    } else {
      left_out.push_back(fmt::format("{} {}: GGUF has no key for it", row.name, *number));
    }
  }
  if (settings.top_k) file.add("general.sampling.top_k", static_cast<int32_t>(*settings.top_k));
  return left_out;
}

}  // namespace t6
