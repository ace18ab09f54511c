// How often a classifier is right: the labels that a trained one gives to the documents of a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/infer/model.h"
#include "t6/labelled/labelled_set.h"

namespace t6 {

struct LoadedClassifier {
  std::shared_ptr<const Model> model;
  std::vector<float> weight;  // [labels, classifier_inputs()]
  LabelledTask task;

  const ModelConfig& config() const { return model->config(); }
};

// The folder of a run with [task], or of a checkpoint of it. Errors: those of the files; a model that writes, a
// classifier whose attention is bidirectional.
LoadedClassifier load_classifier(Context& context, const std::filesystem::path& path);

// Documents as the classifier's training had them, with the format of its task, or JSONL where the name says so.
LabelledSet labelled_set(const LoadedClassifier& classifier, const std::string& file);

struct GivenLabel {
  int64_t document = 0;
  int64_t label = 0, given = 0;  // the right one, and that of the largest logit
  double nats = 0;               // -log of the right one's probability
};

struct ClassifyOptions {
  int64_t limit = 0;  // documents; 0: all
  NumberType cache_type = NumberType::f32;
  const CancelToken* cancel = nullptr;
};

// Calls `take` with the label of each document, in order; cancelled, of those that came before.
void classify(Context& context, const LoadedClassifier& classifier, const LabelledSet& set,
              const ClassifyOptions& options, const std::function<void(const GivenLabel&)>& take);

}  // namespace t6
