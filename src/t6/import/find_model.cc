#include "t6/import/find_model.h"

#include <system_error>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/gguf.h"
#include "t6/formats/model_files.h"
#include "t6/formats/run_files.h"
#include "t6/model/config.h"

namespace t6 {

FoundModel find_model(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    if (path.extension() == ".safetensors") return {ModelForm::paper, path};
    require(is_gguf(path), "{}: not a GGUF file; wanted one, or the folder of a model or a run", path.string());
    return {ModelForm::gguf, path};
  }
  require(std::filesystem::is_directory(path, ignored), "{}: {}; wanted a model's or a run's", path.string(),
          path_exists(path) ? "neither a file nor a folder" : "no such file or folder");
  for (const auto& folder : {path, path / kRunModel}) {
    if (!path_exists(folder / kConfigFile)) continue;
    return {is_own_config(folder) ? ModelForm::own : ModelForm::hugging_face, folder};
  }
  fail("{}: holds neither config.json nor model/config.json; wanted a model's or a run's folder", path.string());
}

}  // namespace t6
