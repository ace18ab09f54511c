// A table of shares as a page of HTML: a coloured cell for each, which opens anywhere, offline.
#pragma once

#include <string>
#include <vector>

namespace t6 {

struct GridPage {
  std::string title = {}, summary = {};
  std::string column_name = {}, row_name = {};
  std::vector<std::string> columns = {}, rows = {};
  std::vector<double> shares = {};  // [rows, columns], from 0 to 1; below 0: there is none
  std::string note = {};            // small, at the end
};

// A pure function; every text is escaped. Error: not as many shares as cells.
std::string render_grid_page(const GridPage& page);

}  // namespace t6
