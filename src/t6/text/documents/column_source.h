// The texts that lie in a column of a Parquet file, from the first row to the last.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "t6/core/cancel_token.h"

namespace t6 {

class ColumnSource {
 public:
  virtual ~ColumnSource() = default;
  // The next row's bytes, not checked to be UTF-8, and none where `is_null`; false at the end. Errors name the file: it
  // cannot be read, or it is damaged; cancelled.
  virtual bool next(std::string& bytes, bool& is_null) = 0;
  virtual int64_t bytes_read() const = 0;  // of the file as it lies on disk, by the part of the rows that were read
};

// The column under `field`; "a.b" is also the field b of the structure a. No more of it is in memory than a page, which
// writers make about a megabyte large. Errors: this program was built without Parquet (T6_PARQUET), the file cannot be
// opened or is none, it has no such field, or that is not of text; and, while reading, that `cancel`, which may be
// null, was cancelled.
std::unique_ptr<ColumnSource> open_column(const std::filesystem::path& path, const std::string& field,
                                          const CancelToken* cancel);

// True where open_column reads Parquet.
bool reads_parquet();

}  // namespace t6
