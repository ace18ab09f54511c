#include "t6/labelled/labelled_file.h"

#include <gmock/gmock.h>

#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<LabelledDocument> read(const std::string& format, const fs::path& path) {
  std::vector<LabelledDocument> all;
  labelled_format(format, "format").read(path, [&](LabelledDocument&& document, const std::string&) {
    all.push_back(std::move(document));
  });
  return all;
}

class LabelledFiles : public testing::Test {
 protected:
  std::string error_in(const std::string& format, const std::string& content) const {
    return error_of([&] { read(format, folder_.write("bad", content)); });
  }
  TemporaryFolder folder_;
};

TEST_F(LabelledFiles, JsonlHasAnswersOrLabelsOrPairs) {
  const auto all = read("jsonl", folder_.write("a.jsonl", R"({"context": "a b", "choices": ["x", "y"], "answer": "y"}
{"context": "c", "choices": ["x", "y"], "answer": 0}

{"text": "d", "label": 12}
{"text1": "e", "text2": "f", "label": "same"}
)"));
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_THAT(all[0].texts, ElementsAre("a b"));
  EXPECT_EQ(all[0].label, "y");
  EXPECT_THAT(all[0].choices, ElementsAre("x", "y"));
  EXPECT_EQ(all[1].label, "x");
  EXPECT_EQ(all[2].label, "12");
  EXPECT_THAT(all[2].choices, IsEmpty());
  EXPECT_THAT(all[3].texts, ElementsAre("e", "f"));
  EXPECT_THAT(error_in("jsonl", "{\"text\": \"a\", \"label\": \"b\"}\n{\"context\": 1, \"answer\": \"x\"}"),
              HasSubstr("bad:2: "));
  EXPECT_THAT(error_in("jsonl", R"({"context": "a", "choices": ["x"], "answer": 1})"), HasSubstr("\"answer\""));
  EXPECT_THAT(error_in("jsonl", R"({"label": "x"})"), HasSubstr("wanted are \"context\" and \"answer\""));
  EXPECT_THAT(error_in("jsonl", R"({"text": "a", "label": 1.5})"), HasSubstr("must be a text or an integer, not 1.5"));
}

TEST_F(LabelledFiles, ListopsBecomeSymbols) {
  const auto all = read("listops", folder_.write("basic_train.tsv",
                                                 "Source\tTarget\n( ( ( [MAX 4 ) 3 ) ] )\t4\r\n"
                                                 "( ( ( [SM ( ( [MIN 7 ) ] ) ) 2 ) ] )\t9\n"));
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(all[0].texts, ElementsAre("[MAX 4 3 X"));
  EXPECT_EQ(all[0].label, "4");
  EXPECT_THAT(all[1].texts, ElementsAre("[SM [MIN 7 X 2 X"));
  EXPECT_THAT(all[1].choices, SizeIs(10));
  EXPECT_THAT(error_in("listops", "Source\tTarget\n[MAX 1 ]\n"), HasSubstr("bad:2: wanted are an expression"));
  EXPECT_THAT(error_in("listops", "[MAX 1 ]\t12\n"), HasSubstr("the value is \"12\""));
}

TEST_F(LabelledFiles, ImdbIsAFolderOfEachLabel) {
  folder_.write("train/pos/1_9.txt", "good");
  folder_.write("train/pos/0_7.txt", "fine");
  folder_.write("train/neg/5_1.txt", "bad");
  folder_.write("train/unsup/0_0.txt", "neither");
  const auto all = read("imdb", folder_ / "train");
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].label + all[0].texts[0], "negbad");
  EXPECT_EQ(all[1].label + all[1].texts[0], "posfine");
  EXPECT_EQ(all[2].texts[0], "good");
  EXPECT_THAT(error_of([&] { read("imdb", folder_.path()); }), HasSubstr("wanted is a folder with neg/*.txt"));
}

TEST_F(LabelledFiles, RetrievalHasPairs) {
  const auto all = read("retrieval", folder_.write("aan.tsv", "1.0\tP1\tP2\tone text\tother\n0\tA\tB\tx\ty\n"));
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(all[0].texts, ElementsAre("one text", "other"));
  EXPECT_EQ(all[0].label, "1");
  EXPECT_EQ(all[1].label, "0");
  EXPECT_THAT(error_in("retrieval", "2.0\ta\tb\tc\td\n"), HasSubstr("the label is \"2\""));
  EXPECT_THAT(error_in("retrieval", "1.0\ta\tb\tc\n"), HasSubstr("found 4 parts"));
}

TEST_F(LabelledFiles, Cifar10IsMadeGrey) {
  // tests/labelled/make_grey.py
  constexpr int kColours[][4] = {{0, 0, 0, 0},    {255, 255, 255, 255}, {255, 0, 0, 76}, {0, 255, 0, 149},
                                 {0, 0, 255, 29}, {10, 200, 90, 130},   {1, 2, 3, 1},    {128, 127, 126, 127}};
  std::string record(1 + 3 * 1024, '\0');
  record[0] = 7;
  for (size_t i = 0; i < std::size(kColours); ++i) {
    for (size_t channel = 0; channel < 3; ++channel)
      record[1 + channel * 1024 + i] = static_cast<char>(kColours[i][channel]);
  }
  const auto all = read("cifar10", folder_.write("data_batch_1.bin", record + record));
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[1].label, "7");
  ASSERT_EQ(all[1].texts[0].size(), 1024u);
  for (size_t i = 0; i < std::size(kColours); ++i) {
    EXPECT_EQ(static_cast<unsigned char>(all[1].texts[0][i]), kColours[i][3]) << i;
  }
  EXPECT_THAT(error_in("cifar10", record + "x"), HasSubstr("has 3074 bytes; wanted are records of 3073"));
  record[0] = 10;
  EXPECT_THAT(error_in("cifar10", record), HasSubstr("picture 1: the label is 10"));
  EXPECT_THAT(error_in("cifar10", ""), HasSubstr("has 0 bytes"));
}

TEST_F(LabelledFiles, PathfinderHasPicturesBesideItsLines) {
  folder_.write("imgs/0/sample_0.pgm", std::string("P5\n3 2\n255\n") + "\x01\x02\x03\x04\x05\xff");
  const auto all = read("pathfinder", folder_.write("all.txt", "imgs/0 sample_0.png 0 1 14 0.7\n"));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].label, "1");
  EXPECT_THAT(all[0].texts, ElementsAre("\x01\x02\x03\x04\x05\xff"));
  EXPECT_THAT(error_in("pathfinder", "imgs/0 sample_0.png 0\n"), HasSubstr("wanted are a folder, a picture"));
  EXPECT_THAT(error_in("pathfinder", "../x a.png 0 1\n"), HasSubstr("is not beside this file"));
  EXPECT_THAT(error_in("pathfinder", "/etc passwd 0 1\n"), HasSubstr("is not beside this file"));
  const auto picture = [&](const std::string& content) {
    folder_.write("p.pgm", content);
    return error_in("pathfinder", ". p.png 0 1\n");
  };
  EXPECT_THAT(picture("P2\n1 1\n255\n0"), HasSubstr("wanted is a binary PGM"));
  EXPECT_THAT(picture("P5\n3 2\n255\n12345"), HasSubstr("3 x 2 pixels take 6 bytes, and there are 5"));
  EXPECT_THAT(picture("P5\n3 2\n256\n123456"), HasSubstr("the largest value of this PGM"));
  EXPECT_THAT(picture("P5\n-3 2\n255\n123456"), HasSubstr("the width of this PGM"));
}

TEST_F(LabelledFiles, AnUnknownFormatNamesAll) {
  EXPECT_THAT(error_of([] { labelled_format("csv", "x.toml: task: \"format\""); }),
              HasSubstr("x.toml: task: \"format\" is \"csv\"; wanted is one of jsonl, listops, imdb, retrieval"));
}

// Every reader of a single file, damaged at every byte.
TEST_F(LabelledFiles, DamagedFilesAreErrors) {
  const std::string files[][2] = {
      {"jsonl", "{\"context\": \"a\", \"choices\": [\"x\", \"y\"], \"answer\": 1}\n{\"text\": \"a\", \"label\": 3}\n"},
      {"listops", "Source\tTarget\n( [MAX 4 3 ] )\t4\n"},
      {"retrieval", "1.0\tP1\tP2\tone\tother\n"},
      {"pathfinder", "imgs/0 sample_0.png 0 1 14\n"},
      {"cifar10", std::string(3073, '\x05')}};
  for (const auto& [format, content] : files) {
    SCOPED_TRACE(format);
    expect_errors_or_success(content, content.size(), format == "cifar10" ? 307 : 1,
                             [&](const fs::path& path) { read(format, path); });
  }
}

}  // namespace
}  // namespace t6
