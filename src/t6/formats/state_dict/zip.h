// A zip archive whose files are stored as they are, as PyTorch writes it. Read as untrusted.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "t6/core/file.h"

namespace t6 {

class ZipFile {
 public:
  // Maps the archive and reads its directory. Errors: no archive, or not a whole one; a compressed or encrypted file in
  // it; a file that lies outside the archive.
  explicit ZipFile(const std::filesystem::path& path);

  // The bytes of each file, by its name; they lie in the archive.
  const std::map<std::string, std::span<const std::byte>>& files() const { return files_; }
  const std::filesystem::path& path() const { return archive_.path(); }

 private:
  MappedFile archive_;
  std::map<std::string, std::span<const std::byte>> files_;
};

}  // namespace t6
