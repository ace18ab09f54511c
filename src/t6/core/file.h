// Files: mapped for reading; written beside, synced, then renamed, so that a name always holds a whole file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace t6 {

// A whole file mapped read-only. Pages are read as they are touched; an empty file gives an empty span.
class MappedFile {
 public:
  MappedFile() = default;
  // Errors: the path is missing, unreadable or not a regular file, or the file is one of the pointers that Git LFS
  // leaves in place of large files.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }
  // Gives back the memory of the pages that `bytes` lie on and of their neighbours, where they lie in this file; read
  // again, they come from the file again.
  void let_go(std::span<const std::byte> bytes) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A file read at any position by system calls. Slower than a mapped one, but a file that shrinks while it is open is an
// Error here; reading a mapped one then ends the process.
class FileReader {
 public:
  // Errors: the path is missing, unreadable or not a regular file.
  explicit FileReader(const std::filesystem::path& path);
  ~FileReader();
  FileReader(FileReader&& other) noexcept;
  FileReader& operator=(FileReader&& other) noexcept;

  uint64_t size() const { return size_; }  // when it was opened
  const std::filesystem::path& path() const { return path_; }
  // Error: the file ends before offset + size.
  void read_at(uint64_t offset, void* data, size_t size) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

std::string read_text(const std::filesystem::path& path);

// Appends to PATH.partial (PATH.partial-2, ... when that is there already: no file but PATH is ever written over);
// commit() syncs it and renames it to PATH. Destroyed without commit, it leaves nothing. Errors (a full disk, no
// permission) name the file and the system's reason.
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // Overwrites bytes written before, for a header that is known last.
  void write_at(uint64_t offset, const void* data, size_t size);
  uint64_t size() const { return size_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// A log that grows a record at a time. A kill leaves whole records, a full disk at most the last one torn.
class AppendFile {
 public:
  explicit AppendFile(const std::filesystem::path& path);  // created when missing
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view record);
  void sync();  // what was appended survives a power cut
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

// FileWriter for a text that is in memory.
void write_text(const std::filesystem::path& path, std::string_view text);

// Makes a rename or a new entry inside `folder` survive a power cut.
void sync_folder(const std::filesystem::path& folder);

// Renames a finished folder to its final name, replacing nothing. Syncs the parent.
void commit_folder(const std::filesystem::path& partial, const std::filesystem::path& final_path);

// False also for what cannot be looked at.
bool path_exists(const std::filesystem::path& path);

// Creates `folder` and its parents. Error with the system's reason.
void make_folder(const std::filesystem::path& folder);

}  // namespace t6
