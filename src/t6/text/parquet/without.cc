#include "t6/core/error.h"
#include "t6/text/documents/column_source.h"

namespace t6 {

std::unique_ptr<ColumnSource> open_column(const std::filesystem::path& path, const std::string&, const CancelToken*) {
  fail(
      "{}: this program was built without the library that reads Parquet; 'make build PARQUET=ON' (CMake's "
      "T6_PARQUET) builds it with",
      path.string());
}

bool reads_parquet() { return false; }

}  // namespace t6
