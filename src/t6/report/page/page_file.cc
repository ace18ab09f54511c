#include "t6/report/page_file.h"

#include <string>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/report/page/html.h"

namespace t6 {

void require_page_path(const std::filesystem::path& path) {
  if (!path_exists(path)) return;
  require(!std::filesystem::is_directory(path), "{}: is a folder, and a page is to be written there", path.string());
  const bool ours = MappedFile(path).text().starts_with(kPageHead);
  require(ours, "{}: is there already, and no page of ours; move it away, or name another file", path.string());
}

void write_page(const std::filesystem::path& path, std::string_view html) {
  require_page_path(path);
  write_text(path, html);
}

}  // namespace t6
