// The files of a model folder by name; a checkpoint of a run is one, too. Hugging Face's names.
#pragma once

namespace t6 {

inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kWeightsFile = "model.safetensors";
inline constexpr const char* kTokenizerFile = "tokenizer.json";
inline constexpr const char* kClassifierFile =
    "classifier.json";  // of a classifier: its labels, how it reads documents

}  // namespace t6
