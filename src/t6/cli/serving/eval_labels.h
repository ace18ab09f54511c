// 't6 eval --classify': how often a classifier is right.
#pragma once

#include <string>

#include "t6/eval/classify.h"

namespace t6 {

// Prints the accuracy on the documents of `file`; with `json`, a line for each document and the accuracy as the last.
// With Ctrl-C, of those that are there.
void run_labels(const std::string& model, const std::string& file, ClassifyOptions options, int threads, bool json);

}  // namespace t6
