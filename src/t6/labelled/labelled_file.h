// Files of documents with a label each: those of t6's own tasks, and those of the Long Range Arena as they are
// published.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

struct LabelledDocument {
  std::vector<std::string> texts;         // one, or two of a pair; of pictures a byte for each pixel, row by row
  std::string label;                      // "7", "pos"
  std::vector<std::string> choices = {};  // all labels that it might have had, where the file says so
};

// Called with each document and the place where it stands, "FILE:12", for errors.
using TakeLabelled = std::function<void(LabelledDocument&& document, const std::string& place)>;

struct LabelledFormat {
  std::string_view name;
  std::string_view words;      // what the file holds, for people
  std::string_view tokenizer;  // how its documents become tokens unless another way is asked for
  void (*read)(const std::filesystem::path& path, const TakeLabelled& take);
};

// jsonl, listops, imdb, retrieval, cifar10, pathfinder.
const std::vector<LabelledFormat>& labelled_formats();
// Error: no such format; the message, which `source` begins, names all.
const LabelledFormat& labelled_format(std::string_view name, const std::string& source);

}  // namespace t6
