#include "t6/core/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr std::string_view kGitLfsPointer = "version https://git-lfs.github.com/spec/";

[[noreturn]] void fail_system(const std::filesystem::path& path, const char* action) {
  fail("{}: cannot {}: {}", path.string(), action, std::strerror(errno));
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC)) {
    if (value_ < 0) fail_system(path, "open");
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: opening a named pipe must fail below rather than wait for a writer.
  Descriptor file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_system(path, "read its size");
  require(S_ISREG(status.st_mode), "{}: not a regular file", path.string());
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) fail_system(path, "map into memory");
  data_ = static_cast<const std::byte*>(data);
  if (!text().starts_with(kGitLfsPointer)) return;
  ::munmap(data, size_);
  fail("{}: a pointer of Git LFS and not the file itself, which 'git lfs pull' fetches", path.string());
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void MappedFile::let_go(std::span<const std::byte> bytes) const {
  if (bytes.empty() || !data_ || bytes.data() < data_ || bytes.data() + bytes.size() > data_ + size_) return;
  // A page that is touched brings those of its neighbourhood that the system has read already: Linux maps 64 KiB.
  constexpr size_t kNeighbourhood = size_t{64} << 10;
  const auto first = static_cast<size_t>(bytes.data() - data_);  // the mapping begins on a page
  const size_t begin = first / kNeighbourhood * kNeighbourhood;
  const size_t end = std::min(size_, (first + bytes.size() + kNeighbourhood - 1) / kNeighbourhood * kNeighbourhood);
  // Of a mapping that is never written to; where it fails, the pages only stay.
  (void)::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

FileReader::FileReader(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: as for MappedFile.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor_ < 0) fail_system(path, "open");
  struct stat status {};
  const bool regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  size_ = static_cast<uint64_t>(status.st_size);
  if (!regular) ::close(std::exchange(descriptor_, -1));
  require(regular, "{}: not a regular file", path.string());
}

FileReader::~FileReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileReader::FileReader(FileReader&& other) noexcept { *this = std::move(other); }

FileReader& FileReader::operator=(FileReader&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

void FileReader::read_at(uint64_t offset, void* data, size_t size) const {
  char* to = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system(path_, "read");
    require(got > 0, "{}: the file ends at byte {}, but had {} bytes when it was opened", path_.string(), offset,
            size_);
    to += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
}

std::string read_text(const std::filesystem::path& path) { return std::string(MappedFile(path).text()); }

FileWriter::FileWriter(const std::filesystem::path& path) : path_(path) {
  // Only a file that was not there: PATH.partial may be somebody's, or another process's that writes the same file.
  constexpr int kNames = 100;
  for (int i = 1; i <= kNames && descriptor_ < 0; ++i) {
    partial_ = path.string() + (i == 1 ? ".partial" : fmt::format(".partial-{}", i));
    descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail_system(partial_, "create");
}

FileWriter::~FileWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(partial_.c_str());
}

void FileWriter::write(const void* data, size_t size) {
  write_at(size_, data, size);
  size_ += size;
}

void FileWriter::write_at(uint64_t offset, const void* data, size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor_, from, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_system(partial_, "write");
    from += written;
    offset += static_cast<uint64_t>(written);
    size -= static_cast<size_t>(written);
  }
}

void FileWriter::commit() {
  if (::fsync(descriptor_) != 0) fail_system(partial_, "sync");
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) fail_system(partial_, "close");
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail_system(path_, "rename into place");
  sync_folder(path_.parent_path());
}

AppendFile::AppendFile(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_system(path, "open");
}

AppendFile::~AppendFile() { ::close(descriptor_); }

void AppendFile::append(std::string_view record) {
  const ssize_t written = ::write(descriptor_, record.data(), record.size());
  if (written < 0) fail_system(path_, "write");
  require(written == static_cast<ssize_t>(record.size()), "{}: cannot write: {}", path_.string(),
          std::strerror(ENOSPC));
}

void AppendFile::sync() {
  if (::fsync(descriptor_) != 0) fail_system(path_, "sync");
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  FileWriter file(path);
  file.write(text);
  file.commit();
}

void sync_folder(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder.empty() ? std::filesystem::path(".") : folder;
  Descriptor handle(path, O_RDONLY | O_DIRECTORY);
  if (::fsync(handle.get()) != 0) fail_system(path, "sync");
}

void commit_folder(const std::filesystem::path& partial, const std::filesystem::path& final_path) {
  sync_folder(partial);
  if (::rename(partial.c_str(), final_path.c_str()) != 0) fail_system(final_path, "rename into place");
  sync_folder(final_path.parent_path());
}

bool path_exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, "{}: cannot create the folder: {}", folder.string(), error.message());
}

}  // namespace t6
