// What lies at a path that a user gives for a model.
#pragma once

#include <filesystem>

namespace t6 {

enum class ModelForm {
  own,           // a folder with a config.json of ours
  gguf,          // a file
  hugging_face,  // a folder with another config.json
  paper          // a safetensors file of the paper's code
};

struct FoundModel {
  ModelForm form;
  std::filesystem::path path;  // of the file or of the folder that holds config.json
};

// `path` may also be a run's folder, which holds the folder `model`. Error: nothing that is a model.
FoundModel find_model(const std::filesystem::path& path);

}  // namespace t6
