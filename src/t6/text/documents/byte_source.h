// The bytes of an input from its first to its last: a file, a gzip or Zstandard file as what was compressed into it,
// a pipe, or standard input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "t6/core/cancel_token.h"

namespace t6 {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills `to` and returns `size`, or less at the end. Errors name the file: it cannot be read, or its compressed data
  // is damaged or ends in its middle.
  virtual size_t read(char* to, size_t size) = 0;
  virtual int64_t bytes_read() const = 0;  // of the file as it lies on disk
};

// By its name: "-" is standard input, *.gz gzip, *.zst Zstandard. Errors: it cannot be opened, and, while reading, that
// `cancel`, which may be null, was cancelled: a pipe may give nothing for a long time.
std::unique_ptr<ByteSource> open_source(const std::filesystem::path& path, const CancelToken* cancel);

// The name without .gz or .zst, in small letters.
std::filesystem::path name_of_content(const std::filesystem::path& path);
bool is_compressed(const std::filesystem::path& path);
bool is_standard_input(const std::filesystem::path& path);

}  // namespace t6
