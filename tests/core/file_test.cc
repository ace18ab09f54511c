#include "t6/core/file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "t6/core/error.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(MappedFile, ReadsWholeAndEmptyFiles) {
  const TemporaryFolder folder;
  write_text(folder / "a", "hello");
  write_text(folder / "empty", "");
  EXPECT_EQ(MappedFile(folder / "a").text(), "hello");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

TEST(MappedFile, RefusesWhatIsNotAFile) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { MappedFile file(folder / "missing"); }, ThrowsMessage<Error>(HasSubstr("No such file")));
  EXPECT_THAT([&] { MappedFile file(folder.path()); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

TEST(FileWriter, LeavesNothingWithoutCommit) {
  const TemporaryFolder folder;
  {
    FileWriter file(folder / "a");
    file.write("half");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(FileWriter, KeepsTheOldFileUntilCommit) {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  FileWriter file(folder / "a");
  file.write("12345");
  file.write_at(1, "xx", 2);
  EXPECT_EQ(read_text(folder / "a"), "old");
  file.commit();
  EXPECT_EQ(read_text(folder / "a"), "1xx45");
}

TEST(FileWriter, AFullDiskIsAnErrorAndKeepsTheOldFile) {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  // A limit on the file's size fails a write the way a full disk does.
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT([&] { write_text(folder / "a", std::string(5000, 'x')); },
              ThrowsMessage<Error>(HasSubstr("cannot write")));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, previous);
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.partial"));
}

TEST(CommitFolder, RenamesAWholeFolder) {
  const TemporaryFolder folder;
  make_folder(folder / "x.partial/deep");
  write_text(folder / "x.partial/deep/a", "1");
  commit_folder(folder / "x.partial", folder / "x");
  EXPECT_EQ(read_text(folder / "x/deep/a"), "1");
}

}  // namespace
}  // namespace t6
