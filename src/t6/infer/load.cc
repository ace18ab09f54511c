#include "t6/infer/load.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/infer/find_model.h"
#include "t6/infer/import.h"
#include "t6/infer/import_tensors.h"

namespace t6 {
namespace {

LoadedModel load_own(const std::filesystem::path& folder) {
  LoadedModel loaded;
  loaded.path = folder;
  const ModelConfig config = read_config(folder);
  loaded.text = read_text_settings(folder);
  loaded.tokenizer = load_tokenizer(folder);
  require_room(*loaded.tokenizer, config, folder.string());
  loaded.model = std::make_shared<const Model>(config, Weights(config, folder / "model.safetensors"));
  return loaded;
}

LoadedModel load_imported(const FoundModel& found) {
  ImportedModel imported = import_model(found);
  require(!imported.tokenizer_json.empty(),
          "{}: holds no tokenizer; make a model folder of it with 't6 import --tokenizer'", found.path.string());
  LoadedModel loaded;
  loaded.path = found.path;
  loaded.text = std::move(imported.text);
  loaded.tokenizer = std::make_shared<const Tokenizer>(std::move(imported.tokenizer_json), found.path.string());
  require_room(*loaded.tokenizer, imported.config, found.path.string());
  const Weights weights(imported.config, std::move(imported.tensors), found.path.string());
  loaded.model = std::make_shared<const Model>(imported.config, weights);
  return loaded;
}

}  // namespace

bool LoadedModel::ends_text(int32_t id) const {
  const std::vector<int32_t>& ends = text.end_of_text;
  return id == tokenizer->end_of_text() || std::find(ends.begin(), ends.end(), id) != ends.end();
}

LoadedModel load_model(const std::filesystem::path& path) {
  const FoundModel found = find_model(path);
  return found.form == ModelForm::own ? load_own(found.path) : load_imported(found);
}

ModelConfig load_config(const std::filesystem::path& path) {
  const FoundModel found = find_model(path);
  return found.form == ModelForm::own ? read_config(found.path) : import_config(found);
}

}  // namespace t6
