// Pages as files, which take the place of pages of ours and of nothing else.
#pragma once

#include <filesystem>
#include <string_view>

namespace t6 {

// Error: there is a file that is no page of ours. Called before the work whose page it is.
void require_page_path(const std::filesystem::path& path);

// Writes what a render function gave. Error: as above, or what writing a file throws.
void write_page(const std::filesystem::path& path, std::string_view html);

}  // namespace t6
