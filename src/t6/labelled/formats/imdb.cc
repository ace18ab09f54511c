#include <algorithm>
#include <system_error>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/labelled/formats/readers.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> texts_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".txt") files.push_back(entry->path());
  }
  require(!error, "{}: cannot list the folder: {}; wanted is a folder with neg/*.txt and pos/*.txt", folder.string(),
          error.message());
  require(!files.empty(), "{}: holds no *.txt", folder.string());
  std::ranges::sort(files);
  return files;
}

}  // namespace

void read_labelled_imdb(const fs::path& path, const TakeLabelled& take) {
  for (const char* label : {"neg", "pos"}) {
    for (const fs::path& file : texts_in(path / label)) take({{read_text(file)}, label, {"neg", "pos"}}, file.string());
  }
}

}  // namespace t6
