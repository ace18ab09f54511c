#include "t6/infer/load.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/free_memory.h"
#include "t6/formats/model_files.h"
#include "t6/import/import.h"

namespace t6 {

bool LoadedModel::ends_text(int32_t id) const {
  const std::vector<int32_t>& ends = text.end_of_text;
  return id == tokenizer->end_of_text() || std::find(ends.begin(), ends.end(), id) != ends.end();
}

LoadedModel load_model(Context& context, const std::filesystem::path& path) {
  const FoundModel found = find_model(path);
  const std::string source = found.path.string();
  ImportedModel stored = read_model(context, found, MatrixTypes::stored);
  // Our own folders hold a file for each, which errors name; other sources are named whole.
  const auto file = [&](const char* name) {
    return found.form == ModelForm::own ? (found.path / name).string() : source;
  };
  require(!stored.tokenizer_json.empty(),
          "{}: holds no tokenizer; make a model folder of it with 't6 import --tokenizer'", file(kTokenizerFile));
  LoadedModel loaded;
  loaded.path = found.path;
  loaded.text = std::move(stored.text);
  // Beside the weights, but for one who has a single thread: a large vocabulary keeps one thread busy for a while.
  const bool beside = context.thread_count() > 1;
  std::future<std::shared_ptr<const Tokenizer>> tokenizer =
      std::async(beside ? std::launch::async : std::launch::deferred,
                 [json = std::move(stored.tokenizer_json), name = file(kTokenizerFile)]() mutable {
                   auto made = std::make_shared<const Tokenizer>(std::move(json), name);
                   give_back_free_memory();  // of JSON, as large as a small model's weights
                   return made;
                 });
  const Weights weights(stored.config, std::move(stored.tensors), file(kWeightsFile), std::move(stored.let_go));
  if (!beside) tokenizer.wait();  // so that the JSON is gone before the model comes
  loaded.model = std::make_shared<const Model>(context, stored.config, weights);
  loaded.tokenizer = tokenizer.get();
  loaded.notes = std::move(stored.notes);
  std::ranges::move(tokenizer_notes(*loaded.tokenizer, stored.config, source), std::back_inserter(loaded.notes));
  return loaded;
}

}  // namespace t6
