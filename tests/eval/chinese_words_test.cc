#include "t6/eval/chinese_words.h"

#include <gmock/gmock.h>

#include "t6/core/file.h"
#include "t6/eval/answer_files.h"
#include "t6/formats/json.h"
#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path kFolder = source_dir() / "tests/eval/data/chinese-words";

std::vector<std::string> cut(const ChineseWords& words, const std::string& text) {
  const std::vector<std::string_view> parts = words.cut(text);
  return {parts.begin(), parts.end()};
}

// Made by make_chinese_words.py with jieba itself.
TEST(ChineseWords, AreThoseOfJieba) {
  const ChineseWords words(kFolder);
  int64_t count = 0;
  for (const Json& row : read_json(std::filesystem::path(kFolder) / "cuts.json")) {
    std::string text;
    for (const Json& word : row) text += word.get<std::string>();
    EXPECT_EQ(cut(words, text), row.get<std::vector<std::string>>());
    ++count;
  }
  EXPECT_GE(count, 150);
}

TEST(ChineseWords, LongTextsEnd) {
  const ChineseWords words(kFolder);
  for (const char* part : {"的", "龘", "我们", "a", "1.", "。"}) {
    std::string text, joined;
    for (int i = 0; i < 50'000; ++i) text += part;
    for (const std::string_view word : words.cut(text)) joined += word;
    EXPECT_EQ(joined, text);
  }
}

WordList list_of(const std::string& text) { return {text, "list"}; }

TEST(WordList, TheLastLineOfAWordCountsAndAllAddToTheTotal) {
  const WordList list("ab 3 n\r\na 5\nab 7 x y\nabc 0\n", "list");
  EXPECT_EQ(list.all().size(), 3);
  EXPECT_EQ(list.frequency("ab"), 7);
  EXPECT_EQ(list.frequency("abc"), 0);
  EXPECT_EQ(list.frequency("b"), 0);
  EXPECT_EQ(WordList::beginning(list.all(), "ab").size(), 2);
  EXPECT_DOUBLE_EQ(list.log_probability(5), std::log(5.0 / 15));
  EXPECT_DOUBLE_EQ(list.log_probability(0), std::log(1.0 / 15));
}

TEST(WordList, LinesThatAreNoneAreNamed) {
  for (const char* line :
       {"", "word", " 3", "word x", "word -1", "word 1.5", "word 9007199254740993", "word  3", "word "}) {
    EXPECT_THAT(error_of([&] { (void)list_of("a 1\n" + std::string(line) + "\n"); }), HasSubstr("list:2: ")) << line;
  }
  EXPECT_THAT(error_of([] { (void)list_of("a 9007199254740992\nb 1"); }), HasSubstr("list:2"));
  EXPECT_THAT(error_of([] { (void)list_of("a\xff 1"); }), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of([] { (void)list_of(std::string(65, 'a') + " 1"); }), HasSubstr("64"));
  EXPECT_THAT(error_of([] { (void)list_of(""); }), HasSubstr("no word"));
  EXPECT_THAT(error_of([] { (void)list_of("a 0\n"); }), HasSubstr("no word"));
}

std::string model_error(const std::string& text) {
  return error_of([&] {
    const Json json = parse_json(text, "model");
    const CharacterModel model(JsonObject(json, "model"));
  });
}

TEST(CharacterModel, WhatItIsNotIsNamed) {
  const std::string start = R"({"start": {"B": -1, "E": -3.14e100, "M": -3.14e100, "S": -1})";
  EXPECT_EQ(model_error(start + R"(, "transition": {}, "emission": {}})"), "no error");
  EXPECT_THAT(model_error(start + R"(, "transition": {}})"), HasSubstr("emission"));
  EXPECT_THAT(model_error(R"({"start": {"B": -1}, "transition": {}, "emission": {}})"), HasSubstr("\"E\""));
  EXPECT_THAT(model_error(start + R"(, "transition": {"X": {}}, "emission": {}})"), HasSubstr("\"X\" is no state"));
  EXPECT_THAT(model_error(start + R"(, "transition": {"B": {"S": -1}}, "emission": {}})"),
              HasSubstr("S does not come"));
  EXPECT_THAT(model_error(start + R"(, "transition": {"B": {"E": 1}}, "emission": {}})"), HasSubstr("E"));
  EXPECT_THAT(model_error(start + R"(, "transition": {}, "emission": {"B": {"我们": -1}}})"),
              HasSubstr("one character"));
  EXPECT_THAT(model_error(start + R"(, "transition": {}, "emission": {"B": {"我": "x"}}})"), HasSubstr("我"));
  EXPECT_THAT(model_error(start + R"(, "transition": {}, "emission": {"B": {"我": -1e300}}})"), HasSubstr("我"));
}

TEST(ChineseWords, DamagedFilesAreErrorsOrRead) {
  const std::string list = "我们 5 r\n今天 7 t\n下午 0\n", text = "我们今天下午去龘靐";
  expect_errors_or_success(list, list.size(), 1,
                           [&](const std::filesystem::path& path) { (void)WordList(read_text(path), path.string()); });
  const std::string model =
      R"({"start":{"B":-1,"E":-2,"M":-3,"S":-4},"transition":{"B":{"E":-1},"S":{"B":-2}},"emission":{"B":{"去":-3}}})";
  expect_errors_or_success(model, model.size(), 1, [&](const std::filesystem::path& path) {
    const Json json = read_json(path);
    std::vector<std::string_view> words;
    CharacterModel(JsonObject(json, path.string())).cut(text, words);
  });
}

TEST(ChineseWords, AreGivenToTheDocumentsThatNeedThem) {
  const TemporaryFolder folder;
  std::vector<AnswerDocument> documents = {{.name = "a:1", .metric = "f1"}, {.name = "a:2", .metric = "f1"}};
  add_chinese_words(documents, folder.path());  // which has no files
  documents[1].metric = "f1_zh";
  const std::string error = error_of([&] { add_chinese_words(documents, folder.path()); });
  EXPECT_THAT(error, HasSubstr("a:2: "));
  EXPECT_THAT(error, HasSubstr("scripts/fetch_chinese_words.sh"));
  add_chinese_words(documents, kFolder);
  EXPECT_EQ(documents[0].key.words, nullptr);
  ASSERT_NE(documents[1].key.words, nullptr);
  EXPECT_THAT(documents[1].key.words->cut("我们去"), ElementsAre("我们", "去"));
}

}  // namespace
}  // namespace t6
