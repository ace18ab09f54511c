// The documents of a file as tokens and classes, in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "t6/labelled/labelled_task.h"

namespace t6 {

class LabelledSet {
 public:
  // Documents of more than `longest` tokens are cut to these. Errors: those of the format, a document without a token,
  // a label that is no class, pairs where single documents are wanted or the other way round, no document.
  LabelledSet(const LabelledTask& task, const std::string& file, int64_t longest);

  int64_t size() const { return std::ssize(labels_); }  // labels: documents, or pairs
  int64_t texts() const { return texts_; }              // of a label: 1, or 2 of pairs
  std::span<const int32_t> tokens(int64_t index, int64_t text) const;
  int64_t label(int64_t index) const { return labels_[static_cast<size_t>(index)]; }
  int64_t longest(int64_t index) const;  // tokens of the longer text
  int64_t total_tokens() const { return ends_.back(); }
  int64_t cut() const { return cut_; }  // documents that were longer

 private:
  void add(const LabelledTask& task, const LabelledDocument& document, const std::string& place, int64_t longest);

  int64_t texts_;
  std::vector<int32_t> tokens_;
  std::vector<int64_t> ends_ = {0};  // of each text in tokens_, and where the first begins
  std::vector<int32_t> labels_;
  int64_t cut_ = 0;
};

}  // namespace t6
