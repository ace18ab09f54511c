#include "t6/import/import.h"

#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/partial_folder.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/import/gguf/config.h"
#include "t6/import/paper_checkpoint.h"
#include "t6/import/shared/tensors.h"
#include "t6/model/weight_file.h"
#include "t6/text/tokenizer.h"

namespace t6 {

namespace {

ImportedModel read_own(const std::filesystem::path& folder) {
  const ModelConfig config = read_config(folder);
  require(!config.is_classifier(),
          "{}: is a classifier of {} labels, which writes no text; 't6 eval MODEL --classify FILE' measures it",
          folder.string(), config.num_labels);
  const auto file = std::make_shared<const WeightFile>(folder / kWeightsFile);
  return {.config = config,
          .tensors = file->tensors(),
          .owners = {file},
          .let_go = [file](std::span<const std::byte> bytes) { file->let_go(bytes); },
          .tokenizer_json = read_text(folder / kTokenizerFile),
          .text = read_text_settings(folder)};
}

}  // namespace

ImportedModel read_model(Context& context, const FoundModel& found, MatrixTypes types) {
  switch (found.form) {
    case ModelForm::gguf:
      return import_gguf(context, found.path, types);
    case ModelForm::hugging_face:
      return import_hugging_face(found.path);
    case ModelForm::paper:
      return import_paper(found.path);
    case ModelForm::own:
      return read_own(found.path);
  }
  fail("unknown form of a model: {}", static_cast<int>(found.form));
}

ImportedModel import_model(Context& context, const FoundModel& found) {
  require(found.form != ModelForm::own, "{}: is a T6 model already", found.path.string());
  return read_model(context, found);
}

ImportedModel read_model(Context& context, const std::filesystem::path& path) {
  return read_model(context, find_model(path));
}

ModelConfig read_model_config(const std::filesystem::path& path) {
  const FoundModel found = find_model(path);
  switch (found.form) {
    case ModelForm::gguf:
      return gguf_config(GgufFile(found.path));
    case ModelForm::hugging_face:
      return hugging_face_config(found.path);
    case ModelForm::paper:
      return paper_config(SafetensorsFile(found.path));
    case ModelForm::own:
      return read_config(found.path);
  }
  fail("unknown form of a model: {}", static_cast<int>(found.form));
}

std::vector<std::string> tokenizer_notes(const Tokenizer& tokenizer, const ModelConfig& config,
                                         const std::string& source) {
  std::vector<std::string> notes = tokenizer.notes();
  if (tokenizer.vocab_size() > config.vocab_size) {
    notes.push_back(
        fmt::format("{}: the tokenizer has {} tokens, but the model's vocab_size is {}: the others cannot be read",
                    source, tokenizer.vocab_size(), config.vocab_size));
  }
  return notes;
}

void write_model(const ImportedModel& model, const std::filesystem::path& folder) {
  require(!path_exists(folder), "{}: exists already", folder.string());
  require(!model.tokenizer_json.empty(), "{}: the model has no tokenizer; one must be named (--tokenizer)",
          folder.string());
  (void)Tokenizer(model.tokenizer_json, kTokenizerFile);  // an Error if it is none
  PartialFolder partial(folder);
  write_json(partial.path() / kConfigFile, config_to_json(model.config));
  write_text(partial.path() / kTokenizerFile, model.tokenizer_json);
  write_text_settings(partial.path(), model.text);
  write_weights(partial.path() / kWeightsFile, model.tensors, {{"format", "pt"}});
  partial.commit();
}

}  // namespace t6
