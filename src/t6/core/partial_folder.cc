#include "t6/core/partial_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// Locked as long as the folder is being filled. A folder with this file that nobody has locked was left by a process
// that was ended; a folder without it is none of ours.
constexpr const char* kMark = ".t6-unfinished";

// "a/b/" names what "a/b" does.
fs::path named(const fs::path& out) {
  const fs::path name = out.has_filename() ? out : out.parent_path();
  require(!name.empty() && name.filename() != "." && name.filename() != "..",
          "'{}' cannot be the output: name a folder that may be made anew", out.string());
  std::error_code ignored;
  require(!fs::is_symlink(name, ignored), "'{}' cannot be the output: it is a link; name the folder itself",
          name.string());
  return name;
}

fs::path partial_of(const fs::path& out) { return out.string() + ".partial"; }

// A locked descriptor of the mark in a folder that an ended process left; -1: there is no such folder.
int lock_leftover(const fs::path& partial) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(partial, ignored))) return -1;
  const int mark = fs::is_symlink(partial, ignored)
                       ? -1
                       : ::open((partial / kMark).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  require(mark >= 0, "{}: is there already, and no unfinished work of ours; move it away, or name another output",
          partial.string());
  if (::flock(mark, LOCK_EX | LOCK_NB) == 0) return mark;
  ::close(mark);
  fail("{}: another process is writing there", partial.string());
}

void remove_whole(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  require(!error, "{}: cannot remove: {}", path.string(), error.message());
}

}  // namespace

PartialFolder::PartialFolder(const fs::path& out) : out_(named(out)), path_(partial_of(out_)) {
  if (const int leftover = lock_leftover(path_); leftover >= 0) {
    ::close(leftover);
    remove_whole(path_);
  }
  if (path_.has_parent_path()) make_folder(path_.parent_path());
  require(::mkdir(path_.c_str(), 0777) == 0, "{}: cannot create the folder: {}", path_.string(), std::strerror(errno));
  lock_ = ::open((path_ / kMark).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  require(lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) == 0, "{}: cannot lock: {}", (path_ / kMark).string(),
          std::strerror(errno));
}

PartialFolder::~PartialFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(path_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

void PartialFolder::require_free(const fs::path& out) {
  if (const int leftover = lock_leftover(partial_of(named(out))); leftover >= 0) ::close(leftover);
}

void PartialFolder::finish() {
  require(::unlink((path_ / kMark).c_str()) == 0, "{}: cannot remove: {}", (path_ / kMark).string(),
          std::strerror(errno));
}

void PartialFolder::commit() {
  finish();
  commit_folder(path_, out_);
  committed_ = true;
}

void PartialFolder::commit_replacing() {
  finish();
  sync_folder(path_);
  // In one step, so that `out` is at every moment either the one or the other.
  require(::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, out_.c_str(), RENAME_EXCHANGE) == 0,
          "{}: cannot take the place of the folder there: {}; remove it and try again", path_.string(),
          std::strerror(errno));
  sync_folder(out_.parent_path());
  committed_ = true;
  remove_whole(path_);
}

}  // namespace t6
