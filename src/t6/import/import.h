// Models that other programs wrote, as ours: configuration, parameters under our names and in our layout, tokenizer.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "t6/import/find_model.h"
#include "t6/kernels/context.h"
#include "t6/kernels/weight_matrix.h"
#include "t6/model/config.h"
#include "t6/model/weight_tensor.h"
#include "t6/text/text_settings.h"
#include "t6/text/tokenizer.h"

namespace t6 {

// In which types a model's matrices are given.
enum class MatrixTypes {
  weights,  // kWeightTypes
  stored    // those of the file, in its order of rows: for weight_matrix(), which saves a copy of the model
};

struct ImportedModel {
  ModelConfig config;
  TensorViews tensors;                              // exactly the parameters of `config`; norms and biases in float32
  std::vector<std::shared_ptr<const void>> owners;  // of the tensors' bytes
  LetGo let_go = nullptr;                           // of these; null where the owners cannot
  std::string tokenizer_json;                       // empty: the source has none
  TextSettings text;
  std::vector<std::string> notes = {};  // what the source says and T6 passes over, a line each, for the user to see
};

// A GGUF file of an architecture that has a name there (architectures.h). Matrices stay as they lie in the mapped file
// where T6 has their type, and are converted else (gguf/weights.h). Errors name what is not supported: the
// architecture, a tensor or its type, the tokenizer, rope scaling, ...
ImportedModel import_gguf(Context& context, const std::filesystem::path& file,
                          MatrixTypes types = MatrixTypes::weights);

// A folder as Hugging Face's transformers write it, with a config.json of an architecture of architectures.h, weights
// of hugging_face/folder_tensors.h, and tokenizer.json. Errors as above.
ImportedModel import_hugging_face(const std::filesystem::path& folder);
ModelConfig hugging_face_config(const std::filesystem::path& folder);

// A checkpoint of the paper's code (paper_checkpoint.h), which has no tokenizer: a file whose metadata describe it, or
// a folder as the code writes it, with config.json and weights as in a Hugging Face folder. A folder does not say which
// of the code's models it is: `name` does ("T6", "llama-gqa").
ImportedModel import_paper(const std::filesystem::path& file);
ImportedModel import_paper_folder(const std::filesystem::path& folder, const std::string& name);

// Any of the three, or a model folder of ours. Errors: those of the files, a classifier; that the weights are those of
// the configuration is checked when a model is made of them.
ImportedModel read_model(Context& context, const FoundModel& found, MatrixTypes types = MatrixTypes::weights);
ImportedModel read_model(Context& context, const std::filesystem::path& path);
// One of another program. Error, beside those: a model of ours.
ImportedModel import_model(Context& context, const FoundModel& found);
// A matrix of an ImportedModel, of any type that it may have, ready to multiply by. Error: a scale that float16 cannot
// hold.
WeightMatrix weight_matrix(Context& context, const TensorView& matrix);
// The configuration alone, without the weights.
ModelConfig read_model_config(const std::filesystem::path& path);

// What a user should know of a tokenizer and its model, a line each: ids that are not those of the file, and more
// tokens than the model has rows for, which no text for it may hold. `source` begins the lines.
std::vector<std::string> tokenizer_notes(const Tokenizer& tokenizer, const ModelConfig& config,
                                         const std::string& source);

// Writes a model folder: config.json, model.safetensors, tokenizer.json, tokenizer_config.json, generation_config.json.
// It gets its name when all of it is written. Errors: `folder` exists, or those of PartialFolder; a full disk; no
// tokenizer, or not one.
void write_model(const ImportedModel& model, const std::filesystem::path& folder);

}  // namespace t6
