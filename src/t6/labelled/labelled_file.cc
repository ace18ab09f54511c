#include "t6/labelled/labelled_file.h"

#include "t6/core/error.h"
#include "t6/labelled/formats/readers.h"

namespace t6 {

const std::vector<LabelledFormat>& labelled_formats() {
  static const std::vector<LabelledFormat> formats = {
      {"jsonl", "JSONL as 't6 task' writes it, or with text and label", "bytes", read_labelled_jsonl},
      {"listops", "Long Range Arena's ListOps, TSV", "symbols", read_labelled_listops},
      {"imdb", "a folder with neg/*.txt and pos/*.txt", "bytes", read_labelled_imdb},
      {"retrieval", "Long Range Arena's pairs of AAN, TSV", "bytes", read_labelled_retrieval},
      {"cifar10", "CIFAR-10's binary version, made grey", "bytes", read_labelled_cifar10},
      {"pathfinder", "Pathfinder's metadata, with pictures as PGM", "bytes", read_labelled_pathfinder}};
  return formats;
}

const LabelledFormat& labelled_format(std::string_view name, const std::string& source) {
  std::string names;
  for (const LabelledFormat& format : labelled_formats()) {
    if (format.name == name) return format;
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  }
  fail("{} is \"{}\"; wanted is one of {}", source, name, names);
}

}  // namespace t6
