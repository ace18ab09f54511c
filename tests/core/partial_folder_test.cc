#include "t6/core/partial_folder.h"

#include <gmock/gmock.h>

#include "t6/core/file.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(PartialFolder, GetsItsNameWhenItIsWhole) {
  const TemporaryFolder folder;
  {
    PartialFolder partial(folder / "deep/out/");
    EXPECT_EQ(partial.path(), folder / "deep/out.partial");
    write_text(partial.path() / "a", "1");
    partial.commit();
  }
  EXPECT_EQ(read_text(folder / "deep/out/a"), "1");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "deep/out"), fs::directory_iterator()), 1);
  { const PartialFolder ended(folder / "other"); }
  EXPECT_FALSE(fs::exists(folder / "other.partial"));
}

TEST(PartialFolder, TakesThePlaceOfAnother) {
  const TemporaryFolder folder;
  folder.write("out/old", "old");
  PartialFolder partial(folder / "out");
  write_text(partial.path() / "a", "1");
  partial.commit_replacing();
  EXPECT_EQ(read_text(folder / "out/a"), "1");
  EXPECT_FALSE(fs::exists(folder / "out/old"));
  EXPECT_FALSE(fs::exists(folder / "out.partial"));
}

TEST(PartialFolder, WhatIsThereAlreadyStays) {
  const TemporaryFolder folder;
  const auto mine = folder.write("out.partial/x", "mine");
  const auto file = folder.write("file.partial", "mine");
  fs::create_directory_symlink(folder / "out.partial", folder / "link.partial");
  for (const char* name : {"out", "file", "link"}) {
    EXPECT_THAT(error_of([&] { PartialFolder(folder / name); }), HasSubstr("no unfinished work of ours")) << name;
    EXPECT_THAT(error_of([&] { PartialFolder::require_free(folder / name); }), HasSubstr(".partial: is there already"));
  }
  EXPECT_EQ(read_text(mine), "mine");
  EXPECT_EQ(read_text(file), "mine");
  EXPECT_EQ(error_of([&] { PartialFolder::require_free(folder / "free"); }), "no error");
  EXPECT_THAT(error_of([&] { PartialFolder(folder / ".."); }), HasSubstr("cannot be the output"));
  EXPECT_THAT(error_of([&] { PartialFolder(folder / "link.partial"); }), HasSubstr("it is a link"));
}

TEST(PartialFolder, OneProcessAtATimeAndALeftoverIsClearedAway) {
  const TemporaryFolder folder;
  {
    const PartialFolder first(folder / "out");
    EXPECT_THAT(error_of([&] { PartialFolder(folder / "out"); }), HasSubstr("another process is writing there"));
    fs::copy(folder / "out.partial", folder / "other.partial");  // with the mark, which nobody has locked
  }
  folder.write("other.partial/half", "half");
  const PartialFolder second(folder / "other");
  EXPECT_FALSE(fs::exists(folder / "other.partial/half"));
}

TEST(FileWriter, NoFileButItsOwnIsWrittenOver) {
  const TemporaryFolder folder;
  const auto mine = folder.write("a.partial", "mine");
  FileWriter one(folder / "a"), two(folder / "a");
  one.write("1");
  two.write("2");
  one.commit();
  two.commit();
  EXPECT_EQ(read_text(folder / "a"), "2");
  EXPECT_EQ(read_text(mine), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2);
}

}  // namespace
}  // namespace t6
