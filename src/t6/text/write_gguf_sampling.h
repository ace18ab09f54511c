// How a model's makers want its tokens to be chosen, as the keys of a GGUF file.
#pragma once

#include <string>
#include <vector>

#include "t6/formats/gguf_writer.h"
#include "t6/text/sampling_settings.h"

namespace t6 {

// Adds the keys that gguf_sampling() reads as these settings; returns those that GGUF has no key for, a line each.
std::vector<std::string> add_gguf_sampling(const SamplingSettings& settings, GgufWriter& file);

}  // namespace t6
