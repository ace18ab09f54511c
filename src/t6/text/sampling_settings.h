// How a model's makers want its tokens to be chosen, as generation_config.json and GGUF files say it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "t6/formats/json_object.h"

namespace t6 {

// What is not said is empty.
struct SamplingSettings {
  std::optional<double> temperature = {};  // 0: always the likeliest token
  std::optional<double> top_p = {}, min_p = {}, typical_p = {}, repetition_penalty = {};
  std::optional<int64_t> top_k = {};     // 0: all
  std::vector<std::string> unused = {};  // in words: what is said beside these, or out of their range

  bool operator==(const SamplingSettings&) const = default;
};

// From the keys of a generation_config.json: "temperature", "top_k", ...; "do_sample": false is temperature 0.
SamplingSettings read_sampling(const JsonObject& generation_config);
// From general.sampling.temp, top_k, top_p, min_p and penalty_repeat.
SamplingSettings gguf_sampling(const JsonObject& values);

// Sets the keys of a generation_config.json that read_sampling() reads as these settings; `unused` is lost.
void write_sampling(const SamplingSettings& settings, Json& generation_config);

}  // namespace t6
