// A config.json of Hugging Face's transformers, as our configuration.
#pragma once

#include <filesystem>

#include "t6/import/architectures.h"
#include "t6/model/config.h"

namespace t6 {

struct HuggingFaceConfig {
  ModelConfig config;
  const Architecture* architecture = nullptr;
};

// Errors name the key that is missing or wrong, or what T6 cannot run.
HuggingFaceConfig read_config_file(const std::filesystem::path& folder);

}  // namespace t6
