#include <utility>

#include "t6/labelled/formats/readers.h"
#include "t6/text/documents.h"

namespace t6 {

void each_line(const std::filesystem::path& path, const std::function<void(std::string&&, const std::string&)>& take) {
  // That reader's lines are lines of any file, before they are parsed.
  DocumentReader reader({path}, {.format = TextFormat::jsonl});
  for (DocumentPart part; reader.next(part);) {
    if (part.bytes.ends_with('\r')) part.bytes.pop_back();
    take(std::move(part.bytes), path.string() + ":" + std::to_string(part.position));
  }
}

std::vector<std::string> between_tabs(std::string_view line) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = line.find('\t', begin);
    parts.emplace_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

}  // namespace t6
