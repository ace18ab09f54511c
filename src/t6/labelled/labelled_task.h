// What a classifier learns: a run's section [task], and what the documents of training say of vocabulary and labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "t6/formats/json_object.h"
#include "t6/labelled/label_tokens.h"
#include "t6/labelled/labelled_file.h"

namespace t6 {

struct LabelledSettings {
  std::string train = {}, validation = {}, test = {};  // files; the last two may be empty
  std::string format = "jsonl";                        // of labelled_formats()
  std::string tokenizer = {};                          // of LabelTokens; empty: that of the format
  int64_t classes = 0;  // 0: the labels of the training documents; else labels are 0 to classes - 1
};

// Keys of [task].
namespace task_keys {
inline constexpr const char* kTrain = "train";
inline constexpr const char* kValidation = "validation";
inline constexpr const char* kTest = "test";
inline constexpr const char* kFormat = "format";
inline constexpr const char* kTokenizer = "tokenizer";
inline constexpr const char* kClasses = "classes";
}  // namespace task_keys

// Those of a section [task], whose other keys are passed over. Error: a value of another type.
LabelledSettings labelled_settings(const JsonObject& section);

// What documents are, beside their tokens and labels: all that a trained classifier must know to read others.
struct LabelledTask {
  std::string format;
  LabelTokens tokens;
  std::vector<std::string> labels;  // by class
  bool pairs = false;               // a label is of two documents
  int64_t longest = 0;              // tokens of a document, which ends there; set by whoever trains

  int64_t label_index(const std::string& label, const std::string& place) const;  // Error: no such class
};

// Reads the training documents once. Errors: those of the format; no document, labels that do not fit `classes`, fewer
// than two of them, documents of which some are pairs.
LabelledTask read_labelled_task(const LabelledSettings& settings, const std::string& source);

// The file classifier.json of a model folder.
Json labelled_task_json(const LabelledTask& task);
// Error: it is none; a tokenizer's own file, which lies beside, is missing or damaged.
LabelledTask labelled_task_from(const std::filesystem::path& folder);

}  // namespace t6
