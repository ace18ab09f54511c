// Documents out of Parquet files that pyarrow wrote (make_parquet.py), beside the same texts as JSONL.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/text/documents.h"
#include "t6/text/documents/column_source.h"
#include "t6/text/prepare.h"
#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kFixtures = source_dir() / "tests/text/fixtures";

// Each row's text, "none" for one without.
std::vector<std::string> texts(const fs::path& file, const std::string& field,
                               TextFormat format = TextFormat::by_name) {
  DocumentReader reader({file}, {.text_field = field, .format = format});
  std::vector<std::string> result;
  for (DocumentPart part; reader.next(part);) {
    EXPECT_TRUE(part.first && part.last && part.is_record());
    EXPECT_EQ(part.position, static_cast<int64_t>(result.size()) + 1);
    const std::string error = error_of([&] { result.push_back(reader.text(std::move(part))); });
    if (error != "no error") result.push_back("none");
  }
  EXPECT_EQ(reader.bytes_read(), static_cast<int64_t>(fs::file_size(file)));
  return result;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Parquet : public testing::Test {
 protected:
  void SetUp() override {
    if (!reads_parquet()) GTEST_SKIP() << "built without T6_PARQUET";
  }
};

TEST_F(Parquet, EveryTypeAndCompressionHasTheTextsOfTheSameLines) {
  for (const char* field : {"text", "large", "view", "few", "bytes", "some", "lz4", "meta.text", "meta.dotted"}) {
    SCOPED_TRACE(field);
    const std::vector<std::string> rows = texts(kFixtures / "kinds.parquet", field);
    EXPECT_EQ(rows.size(), 40u);
    EXPECT_EQ(rows, texts(kFixtures / "kinds.jsonl", field));
  }
}

TEST_F(Parquet, NewerPagesAndEncodings) {
  for (const char* field : {"lengths", "prefixes", "plain"}) {
    const std::vector<std::string> rows = texts(kFixtures / "encodings.parquet", field);
    ASSERT_EQ(rows.size(), 600u) << field;
    for (size_t row = 0; row < rows.size(); ++row) EXPECT_EQ(rows[row], "row " + std::to_string(row));
  }
}

TEST_F(Parquet, AFileWithoutRowsHasNoDocuments) {
  EXPECT_THAT(texts(kFixtures / "no_rows.parquet", "text"), ElementsAre());
}

TEST_F(Parquet, ErrorsNameFileRowAndColumn) {
  const auto error = [](const fs::path& file, const std::string& field) {
    return error_of([&] {
      DocumentReader reader({file}, {.text_field = field});
      for (DocumentPart part; reader.next(part);) (void)reader.text(std::move(part));
    });
  };
  const fs::path kinds = kFixtures / "kinds.parquet";
  EXPECT_THAT(error(kinds, "missing"), HasSubstr("kinds.parquet: no column \"missing\" among id, text, large, view"));
  EXPECT_THAT(error(kinds, "id"), HasSubstr("the column \"id\" is of the type INT64, wanted one of text"));
  EXPECT_THAT(error(kinds, "list.list.element"), HasSubstr("holds lists, wanted a text in each row"));
  EXPECT_THAT(error(kinds, "some"), HasSubstr("kinds.parquet, row 4: \"some\" is null, wanted a text"));
  EXPECT_THAT(error(kinds, "latin"), HasSubstr("kinds.parquet, row 1: \"latin\" is not UTF-8 text at byte 3"));
  const TemporaryFolder folder;
  EXPECT_THAT(error(folder.write("text.parquet", "no such thing"), "text"),
              HasSubstr("text.parquet: cannot be read as Parquet: "));
  EXPECT_THAT(error(folder.write("empty.parquet", ""), "text"), HasSubstr("cannot be read as Parquet: "));
  EXPECT_THAT(error(folder.write("a.parquet.gz", ""), "text"), HasSubstr("Parquet is compressed within"));
  DocumentPart part;
  EXPECT_THAT(error_of([&] { DocumentReader({"-"}, {.format = TextFormat::parquet}).next(part); }),
              HasSubstr("from files alone"));
}

TEST_F(Parquet, DamagedFilesAreErrors) {
  const auto read = [](const std::string& path) { (void)texts(path, "text", TextFormat::parquet); };
  const std::string small = content_of(kFixtures / "small.parquet");
  expect_errors_or_success(small, small.size(), 1, read);
  const std::string kinds = content_of(kFixtures / "kinds.parquet");
  expect_errors_or_success(kinds, kinds.size(), 61, read);
}

TEST_F(Parquet, FoldersOfShardsArePrepared) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "shards/b");
  fs::copy_file(kFixtures / "kinds.parquet", folder / "shards/a.parquet");
  fs::copy_file(kFixtures / "kinds.parquet", folder / "shards/b/b.PARQUET");
  folder.write("shards/c.jsonl", "{\"some\": \"one more\"}\n");
  PrepareOptions options;
  options.inputs = {folder / "shards"};
  options.out = folder / "out";
  options.text_field = "some";
  options.skip_bad_lines = true;
  const auto tokenizer = byte_tokenizer();
  PrepareNotes notes;
  const DataSummary summary = prepare(
      options, *tokenizer, [](int64_t, int64_t) {}, &notes);
  EXPECT_EQ(summary.skipped_lines, 12);
  EXPECT_EQ(summary.train.documents + summary.val.documents, 2 * 34 + 1);
  EXPECT_EQ(summary.document_bytes, 0);
  EXPECT_THAT(notes.first_bad_line, HasSubstr("a.parquet, row 4: "));
}

TEST(ParquetWithout, SaysHowToBuildWithIt) {
  if (reads_parquet()) GTEST_SKIP() << "built with T6_PARQUET";
  DocumentReader reader({kFixtures / "small.parquet"}, {});
  EXPECT_THAT(error_of([&] {
                DocumentPart part;
                reader.next(part);
              }),
              HasSubstr("small.parquet: this program was built without the library that reads Parquet; 'make build "
                        "PARQUET=ON' (CMake's T6_PARQUET)"));
}

}  // namespace
}  // namespace t6
