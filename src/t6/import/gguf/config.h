// What a GGUF file says about its model, as our configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "t6/formats/gguf.h"
#include "t6/model/config.h"

namespace t6 {

// Tensors that belong to the configuration: the divisors of Llama 3's frequencies.
inline constexpr std::string_view kGgufFrequencies = "rope_freqs.weight";

// Errors name the architecture or the option that is not supported.
ModelConfig gguf_config(const GgufFile& file);

// What the file says about its model and is passed over, a line each.
std::vector<std::string> gguf_config_notes(const GgufFile& file);

// Whether rows of queries and keys lie in the order in which pairs (2i, 2i + 1) rotate.
bool gguf_rows_are_interleaved(const GgufFile& file);

}  // namespace t6
