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

TEST(MappedFile, LetsPagesGoAndReadsThemAgain) {
  const TemporaryFolder folder;
  std::string text;
  while (text.size() < (1 << 20)) text += std::to_string(text.size());
  write_text(folder / "a", text);
  const MappedFile file(folder / "a");
  std::string copy(file.text());
  const std::span<const std::byte> bytes = file.bytes();
  // Whole, in pieces that begin and end within pages, of less than a page, of nothing.
  for (const auto& part : {bytes, bytes.subspan(1), bytes.subspan(5000, 9000), bytes.subspan(10, 20), bytes.first(0)}) {
    file.let_go(part);
    EXPECT_TRUE(file.text() == text);
  }
  file.let_go(std::as_bytes(std::span(copy)));  // not the file's: left alone
  EXPECT_TRUE(copy == text);
}

TEST(MappedFile, RefusesWhatIsNotAFile) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { MappedFile file(folder / "missing"); }, ThrowsMessage<Error>(HasSubstr("No such file")));
  EXPECT_THAT([&] { MappedFile file(folder.path()); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

TEST(FileReader, ReadsAtAnyPositionAndSeesAFileThatShrinks) {
  const TemporaryFolder folder;
  write_text(folder / "a", "hello");
  const FileReader file(folder / "a");
  EXPECT_EQ(file.size(), 5u);
  std::string text(3, ' ');
  file.read_at(2, text.data(), 3);
  EXPECT_EQ(text, "llo");
  std::filesystem::resize_file(folder / "a", 4);
  EXPECT_THAT([&] { file.read_at(2, text.data(), 3); },
              ThrowsMessage<Error>(HasSubstr("a: the file ends at byte 4, but had 5 bytes")));
  EXPECT_THAT([&] { FileReader missing(folder / "missing"); }, ThrowsMessage<Error>(HasSubstr("No such file")));
  EXPECT_THAT([&] { FileReader wrong(folder.path()); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

TEST(AppendFile, GrowsWhatIsThere) {
  const TemporaryFolder folder;
  write_text(folder / "log", "one\n");
  AppendFile log(folder / "log");
  log.append("two\n");
  log.sync();
  EXPECT_EQ(read_text(folder / "log"), "one\ntwo\n");
  EXPECT_THAT([] { AppendFile("/dev/full").append("x"); }, ThrowsMessage<Error>(HasSubstr("No space left")));
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
