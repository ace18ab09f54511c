#include "t6/report/page_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "t6/core/file.h"
#include "t6/report/grid_page.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

TEST(PageFile, TakesThePlaceOfPagesOfOursAlone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "page.html";
  const std::string page = render_grid_page({.title = "one", .columns = {"a"}, .rows = {"b"}, .shares = {0.5}});
  write_page(path, page);
  write_page(path, page);
  EXPECT_EQ(read_text(path), page);
  for (const char* text : {"", "mine", "<!DOCTYPE html>\n<html lang=\"en\">\n<head></head></html>"}) {
    write_text(path, text);
    try {
      write_page(path, page);
      FAIL() << text;
    } catch (const std::exception& error) {
      EXPECT_THAT(error.what(), HasSubstr("no page of ours"));
    }
    EXPECT_EQ(read_text(path), text);
  }
}

}  // namespace
}  // namespace t6
