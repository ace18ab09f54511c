#include "t6/infer/import.h"

#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/infer/gguf_config.h"
#include "t6/infer/import_tensors.h"
#include "t6/model/reference.h"
#include "t6/model/weight_file.h"
#include "t6/text/tokenizer.h"

namespace t6 {

ImportedModel import_model(const FoundModel& found) {
  switch (found.form) {
    case ModelForm::gguf:
      return import_gguf(found.path);
    case ModelForm::hugging_face:
      return import_hugging_face(found.path);
    case ModelForm::reference:
      return import_reference(found.path);
    case ModelForm::own:
      break;
  }
  fail("{}: is a T6 model already", found.path.string());
}

ModelConfig import_config(const FoundModel& found) {
  switch (found.form) {
    case ModelForm::gguf:
      return gguf_config(GgufFile(found.path));
    case ModelForm::hugging_face:
      return hugging_face_config(found.path);
    case ModelForm::reference:
      return reference_config(SafetensorsFile(found.path));
    case ModelForm::own:
      break;
  }
  fail("{}: is a T6 model already", found.path.string());
}

void write_model(const ImportedModel& model, const std::filesystem::path& folder) {
  require(!path_exists(folder), "{}: exists already", folder.string());
  require(!model.tokenizer_json.empty(), "{}: the model has no tokenizer; one must be named (--tokenizer)",
          folder.string());
  const Tokenizer tokenizer(model.tokenizer_json, "tokenizer.json");
  require_room(tokenizer, model.config, folder.string());
  auto partial = folder;
  partial += ".partial";
  std::filesystem::remove_all(partial);  // of an import that was ended
  make_folder(partial);
  write_json(partial / "config.json", config_to_json(model.config));
  write_text(partial / "tokenizer.json", model.tokenizer_json);
  write_text_settings(partial, model.text);
  write_weights(partial / "model.safetensors", model.tensors, {{"format", "pt"}});
  commit_folder(partial, folder);
}

}  // namespace t6
