#include "t6/labelled/labelled_task.h"

#include <gmock/gmock.h>

#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/labelled/labelled_set.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LabelledTasks : public testing::Test {
 protected:
  LabelledTask task(const std::string& lines, LabelledSettings settings = {}) const {
    settings.train = folder_.write("train.jsonl", lines).string();
    return read_labelled_task(settings, "x.toml");
  }
  std::string error_in(const std::string& lines, const LabelledSettings& settings = {}) const {
    return error_of([&] { task(lines, settings); });
  }
  TemporaryFolder folder_;
};

std::string line(const std::string& text, const std::string& label) {
  return Json({{"text", text}, {"label", label}}).dump() + "\n";
}

TEST_F(LabelledTasks, ClassesAreTheLabelsInOrder) {
  EXPECT_THAT(task(line("a", "10") + line("b", "9") + line("c", "no") + line("d", "9")).labels,
              ElementsAre("9", "10", "no"));
  EXPECT_THAT(task(line("a", "1"), {.classes = 3}).labels, ElementsAre("0", "1", "2"));
  const std::string choices = R"({"context": "a", "choices": ["z", "b"], "answer": "b"})"
                              "\n";
  EXPECT_THAT(task(choices).labels, ElementsAre("z", "b")) << "also one that no document has";
  EXPECT_THAT(error_in(""), HasSubstr("holds no documents"));
  EXPECT_THAT(error_in(line("a", "x")), HasSubstr("all documents have the label \"x\""));
  EXPECT_THAT(error_in(line("a", "x") + R"({"text1": "a", "text2": "b", "label": "y"})"),
              HasSubstr(":2: is a pair of documents, and the documents before it are single ones"));
}

TEST_F(LabelledTasks, BytesAreTokens) {
  const LabelledTask bytes = task(line("a\xc3\xa4", "x") + line("b", "y"));
  EXPECT_EQ(bytes.tokens.vocab_size(), 256);
  EXPECT_THAT(bytes.tokens.encode("a\xc3\xa4"), ElementsAre(97, 195, 164));
}

TEST_F(LabelledTasks, SymbolsAreThoseOfTraining) {
  const LabelledTask symbols = task(line("[MAX 4 3 X", "x") + line("3  [MAX\t5", "y"), {.tokenizer = "symbols"});
  EXPECT_EQ(symbols.tokens.vocab_size(), 6);
  EXPECT_THAT(symbols.tokens.encode(" 3 [MAX 9 5 "), ElementsAre(3, 1, 0, 5));
  EXPECT_THAT(symbols.tokens.symbols(), ElementsAre("[MAX", "4", "3", "X", "5"));
  std::string many;
  for (int i = 0; i <= 1 << 16; ++i) many += std::to_string(i) + " ";
  EXPECT_THAT(error_in(line(many, "x"), {.tokenizer = "symbols"}), HasSubstr("one more than 65536 different symbols"));
}

TEST_F(LabelledTasks, ATokenizersFileIsTaken) {
  const auto file = folder_.write("tokenizer.json", byte_tokenizer()->json());
  const LabelledTask one = task(line("ab", "x") + line("b", "y"), {.tokenizer = file.string()});
  EXPECT_EQ(one.tokens.vocab_size(), 257);
  EXPECT_THAT(one.tokens.encode("ab"), ElementsAre(97, 98));
  EXPECT_THAT(error_in(line("a", "x"), {.tokenizer = (folder_ / "none.json").string()}), HasSubstr("none.json"));
}

TEST_F(LabelledTasks, ItIsReadBackFromAModelsFolder) {
  for (const char* tokenizer : {"bytes", "symbols"}) {
    LabelledTask before = task(line("u v", "x") + line("w", "y"), {.tokenizer = tokenizer});
    before.longest = 9;
    write_json(folder_ / kClassifierFile, labelled_task_json(before));
    const LabelledTask after = labelled_task_from(folder_.path());
    EXPECT_EQ(after.labels, before.labels);
    EXPECT_EQ(after.longest, 9);
    EXPECT_EQ(after.tokens.encode("w v z"), before.tokens.encode("w v z"));
    EXPECT_EQ(after.tokens.vocab_size(), before.tokens.vocab_size());
  }
  folder_.write(kClassifierFile,
                R"({"format": "jsonl", "tokenizer": "bytes", "labels": ["a", 1], "pairs": false, "longest": 4})");
  EXPECT_THAT(error_of([&] { labelled_task_from(folder_.path()); }), HasSubstr("\"labels\" holds 1"));
  folder_.write(kClassifierFile,
                R"({"format": "jsonl", "tokenizer": "other", "labels": ["a", "b"], "pairs": false, "longest": 4})");
  EXPECT_THAT(error_of([&] { labelled_task_from(folder_.path()); }), HasSubstr("tokenizer.json"));
}

TEST_F(LabelledTasks, ADamagedFileIsAnError) {
  LabelledTask good = task(line("u v", "x") + line("w", "y"), {.tokenizer = "symbols"});
  good.longest = 9;
  const std::string content = labelled_task_json(good).dump();
  for (size_t at = 0; at < content.size(); ++at) {
    for (const std::string& damaged : {content.substr(0, at), content.substr(0, at) + '\x01' + content.substr(at + 1),
                                       content.substr(0, at) + '9' + content.substr(at + 1)}) {
      folder_.write(kClassifierFile, damaged);
      try {
        labelled_task_from(folder_.path());
      } catch (const Error&) {
      }
    }
  }
}

TEST_F(LabelledTasks, ASetHasTokensAndCutsWhatIsLonger) {
  const LabelledTask one = task(line("abc", "x") + line("de", "y") + line("fghij", "x"));
  const LabelledSet set(one, (folder_ / "train.jsonl").string(), 3);
  EXPECT_EQ(set.size(), 3);
  EXPECT_THAT(std::vector(set.tokens(1, 0).begin(), set.tokens(1, 0).end()), ElementsAre('d', 'e'));
  EXPECT_THAT(std::vector(set.tokens(2, 0).begin(), set.tokens(2, 0).end()), ElementsAre('f', 'g', 'h'));
  EXPECT_EQ(set.cut(), 1);
  EXPECT_EQ(set.total_tokens(), 8);
  EXPECT_EQ(set.label(1), 1);
  const auto open = [&](const std::string& lines) {
    return error_of([&] { LabelledSet(one, folder_.write("val.jsonl", lines).string(), 3); });
  };
  EXPECT_THAT(open(line("a", "z")), HasSubstr("val.jsonl:1: the label \"z\" is none of the 2 classes"));
  EXPECT_THAT(open(line("", "x")), HasSubstr("the document has no tokens"));
  EXPECT_THAT(open(R"({"text1": "a", "text2": "b", "label": "x"})"), HasSubstr("is a pair of documents, wanted one"));
  EXPECT_THAT(open(""), HasSubstr("holds no documents"));
}

TEST_F(LabelledTasks, PairsHaveTwoTexts) {
  const std::string pairs = R"({"text1": "abc", "text2": "d", "label": 1})"
                            "\n"
                            R"({"text1": "e", "text2": "fg", "label": 0})";
  const LabelledTask both = task(pairs);
  EXPECT_TRUE(both.pairs);
  const LabelledSet set(both, (folder_ / "train.jsonl").string(), 10);
  EXPECT_EQ(set.size(), 2);
  EXPECT_EQ(set.longest(0), 3);
  EXPECT_EQ(set.longest(1), 2);
  EXPECT_EQ(set.tokens(1, 1)[0], 'f');
}

}  // namespace
}  // namespace t6
