// A folder that grows beside its place, as OUT.partial, and gets its name when all of it is there.
#pragma once

#include <filesystem>

namespace t6 {

class PartialFolder {
 public:
  // Makes OUT.partial; it is this process's until commit or destruction, which removes it. What an ended process of
  // ours left there is removed first. Errors: `out` names no folder that could be made ("..", a link); OUT.partial is
  // somebody else's, or another process fills it.
  explicit PartialFolder(const std::filesystem::path& out);
  ~PartialFolder();
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  // The constructor's errors without its work, for those who want to know before long work begins.
  static void require_free(const std::filesystem::path& out);

  const std::filesystem::path& path() const { return path_; }  // OUT.partial

  // Renames the folder to `out`. Error: `out` exists and is not an empty folder.
  void commit();
  // The same in the place of the folder `out`, which is removed with all that it holds.
  void commit_replacing();

 private:
  void finish();

  std::filesystem::path out_, path_;
  int lock_ = -1;
  bool committed_ = false;
};

}  // namespace t6
