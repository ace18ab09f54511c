#include "t6/infer/load.h"

#include "t6/core/error.h"

namespace t6 {

std::filesystem::path find_model_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  require(std::filesystem::is_directory(path, ignored), "{}: no such folder; wanted a model's or a run's",
          path.string());
  for (const auto& folder : {path, path / "model"}) {
    if (std::filesystem::exists(folder / "config.json", ignored)) return folder;
  }
  fail("{}: holds neither config.json nor model/config.json; wanted a model's or a run's folder", path.string());
}

LoadedModel load_model(const std::filesystem::path& path) {
  LoadedModel loaded;
  loaded.folder = find_model_folder(path);
  const ModelConfig config = read_config(loaded.folder);
  loaded.tokenizer = load_tokenizer(loaded.folder);
  require(loaded.tokenizer->vocab_size() <= config.vocab_size,
          "{}: tokenizer.json has {} tokens, but the model's vocab_size is {}", loaded.folder.string(),
          loaded.tokenizer->vocab_size(), config.vocab_size);
  loaded.model = std::make_shared<const Model>(config, Weights(config, loaded.folder / "model.safetensors"));
  return loaded;
}

}  // namespace t6
