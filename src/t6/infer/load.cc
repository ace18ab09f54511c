#include "t6/infer/load.h"

#include <algorithm>
#include <system_error>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/gguf.h"
#include "t6/infer/import.h"

namespace t6 {
namespace {

enum class Form { ours, gguf, hugging_face };

struct Found {
  Form form;
  std::filesystem::path path;  // of the file or of the folder that holds config.json
};

Found find_model(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    require(is_gguf(path), "{}: not a GGUF file; wanted one, or the folder of a model or a run", path.string());
    return {Form::gguf, path};
  }
  require(std::filesystem::is_directory(path, ignored), "{}: no such file or folder; wanted a model's or a run's",
          path.string());
  for (const auto& folder : {path, path / "model"}) {
    if (!path_exists(folder / "config.json")) continue;
    return {is_own_config(folder) ? Form::ours : Form::hugging_face, folder};
  }
  fail("{}: holds neither config.json nor model/config.json; wanted a model's or a run's folder", path.string());
}

void add_tokenizer(LoadedModel& loaded, std::shared_ptr<const Tokenizer> tokenizer, int64_t vocab_size) {
  require(tokenizer->vocab_size() <= vocab_size, "{}: the tokenizer has {} tokens, but the model's vocab_size is {}",
          loaded.path.string(), tokenizer->vocab_size(), vocab_size);
  loaded.tokenizer = std::move(tokenizer);
}

LoadedModel load_own(const std::filesystem::path& folder) {
  LoadedModel loaded;
  loaded.path = folder;
  const ModelConfig config = read_config(folder);
  loaded.text = read_text_settings(folder);
  add_tokenizer(loaded, load_tokenizer(folder), config.vocab_size);
  loaded.model = std::make_shared<const Model>(config, Weights(config, folder / "model.safetensors"));
  return loaded;
}

LoadedModel load_imported(const std::filesystem::path& path, ImportedModel imported) {
  LoadedModel loaded;
  loaded.path = path;
  loaded.text = imported.text;
  add_tokenizer(loaded, std::make_shared<const Tokenizer>(std::move(imported.tokenizer_json), path.string()),
                imported.config.vocab_size);
  const Weights weights(imported.config, std::move(imported.tensors), path.string());
  loaded.model = std::make_shared<const Model>(imported.config, weights);
  return loaded;
}

}  // namespace

bool LoadedModel::ends_text(int32_t id) const {
  const std::vector<int32_t>& ends = text.end_of_text;
  return id == tokenizer->end_of_text() || std::find(ends.begin(), ends.end(), id) != ends.end();
}

LoadedModel load_model(const std::filesystem::path& path) {
  const Found found = find_model(path);
  switch (found.form) {
    case Form::ours:
      return load_own(found.path);
    case Form::gguf:
      return load_imported(found.path, import_gguf(found.path));
    case Form::hugging_face:
      return load_imported(found.path, import_hugging_face(found.path));
  }
  fail("unknown form of a model");
}

ModelConfig load_config(const std::filesystem::path& path) {
  const Found found = find_model(path);
  switch (found.form) {
    case Form::ours:
      return read_config(found.path);
    case Form::gguf:
      return gguf_config(found.path);
    case Form::hugging_face:
      return hugging_face_config(found.path);
  }
  fail("unknown form of a model");
}

}  // namespace t6
