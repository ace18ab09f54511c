#include "t6/text/prepare.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/formats/json.h"
#include "t6/formats/token_shard.h"
#include "t6/text/documents.h"
#include "t6/text/tokenizer/spelling.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr int32_t kEnd = 256;  // <|endoftext|> of the byte tokenizer

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() { options_.out = folder_.path() / "out"; }

  DataSummary run(const Tokenizer& tokenizer = *byte_tokenizer()) {
    return prepare(options_, tokenizer, [](int64_t, int64_t) {});
  }

  std::string error() {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::vector<int32_t> tokens(std::string_view split) const {
    const TokenShardSet set(options_.out, split);
    std::vector<int32_t> result(static_cast<size_t>(set.size()));
    set.read(0, result);
    return result;
  }

  // The documents of a split, put back together from its byte tokens.
  std::vector<std::string> documents(std::string_view split) const {
    std::vector<std::string> result(1);
    for (const int32_t token : tokens(split)) {
      if (token == kEnd) {
        result.emplace_back();
      } else {
        result.back() += static_cast<char>(token);
      }
    }
    EXPECT_EQ(result.back(), "") << "the last document has no end-of-text token";
    result.pop_back();
    return result;
  }

  std::vector<std::string> names(const fs::path& path) const {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(path)) result.push_back(entry.path().filename().string());
    return result;
  }

  fs::path write_lines(const std::string& name, int count) const {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines +=
          "{\"text\": \"document " + std::to_string(i) + std::string(static_cast<size_t>(i * 37 % 500), 'x') + "\"}\n";
    }
    return folder_.write(name, lines);
  }

  TemporaryFolder folder_;
  PrepareOptions options_;

 private:
};

TEST_F(PrepareTest, EveryDocumentEndsWithTheEndOfText) {
  options_.inputs = {folder_.write("a.txt", "one"),
                     folder_.write("b.jsonl", "{\"text\": \"\"}\n{\"text\": \"\xc3\xa4\"}")};
  options_.val_documents = 1;
  const DataSummary summary = run();
  EXPECT_THAT(tokens("val"), ElementsAre('o', 'n', 'e', kEnd));
  EXPECT_THAT(tokens("train"), ElementsAre(0xc3, 0xa4, kEnd));
  EXPECT_EQ(summary.val.documents, 1);
  EXPECT_EQ(summary.val.tokens, 4);
  EXPECT_EQ(summary.val.bytes, 3);
  EXPECT_EQ(summary.train.documents, 1);  // the empty one is none
  EXPECT_EQ(summary.train.tokens, 3);
  EXPECT_EQ(summary.train.bytes, 2);
}

TEST_F(PrepareTest, TheFolderHoldsAllThatTrainingNeeds) {
  options_.inputs = {write_lines("a.jsonl", 100)};
  options_.shard_tokens = 10'000;
  options_.seed = 7;
  const DataSummary summary = run();
  EXPECT_THAT(names(options_.out), UnorderedElementsAre("train_000000.bin", "train_000001.bin", "train_000002.bin",
                                                        "val_000000.bin", "tokenizer.json", "data.json"));
  EXPECT_EQ(read_text(options_.out / "tokenizer.json"), byte_tokenizer()->json());
  const DataSummary read = read_data_summary(options_.out);
  EXPECT_EQ(to_json(read), to_json(summary));
  EXPECT_EQ(read.tokenizer, "bytes");
  EXPECT_EQ(read.vocab_size, 257);
  EXPECT_EQ(read.seed, 7u);
  EXPECT_EQ(read.train.documents, 95);
  EXPECT_EQ(read.val.documents, 5);
  EXPECT_EQ(read.train.tokens, read.train.bytes + read.train.documents);
  EXPECT_EQ(TokenShardSet(options_.out, "train").size(), read.train.tokens);
  EXPECT_EQ(TokenShardSet(options_.out, "train").shards()[0].size(), 10'000);
  EXPECT_EQ(TokenShardSet(options_.out, "val").size(), read.val.tokens);
}

TEST_F(PrepareTest, TheOutputIsTheSameForAnyNumberOfThreads) {
  std::string large;
  while (large.size() < 5 * kPartBytes) large += "a line of " + std::to_string(large.size()) + " words\n";
  options_.inputs = {write_lines("a.jsonl", 3000), folder_.write("b.txt", large), write_lines("c.jsonl", 10)};
  std::map<std::string, std::string> first;
  for (const int threads : {1, 2, 5}) {
    options_.threads = Threads(threads);
    options_.force = true;
    run();
    std::map<std::string, std::string> files;
    for (const std::string& name : names(options_.out)) files[name] = read_text(options_.out / name);
    if (first.empty()) first = files;
    EXPECT_TRUE(files == first) << threads << " threads";
  }
}

TEST_F(PrepareTest, TheSeedChoosesTheValidationDocuments) {
  options_.inputs = {write_lines("a.jsonl", 200)};
  options_.force = true;
  run();
  const std::vector<std::string> first = documents("val");
  run();
  EXPECT_EQ(documents("val"), first);
  options_.seed = 1;
  run();
  EXPECT_NE(documents("val"), first);
  EXPECT_EQ(documents("val").size(), 10u);
  options_.val_fraction = 0;
  run();
  EXPECT_EQ(documents("train").size(), 200u);
  EXPECT_FALSE(fs::exists(options_.out / "val_000000.bin"));
}

TEST(IsValidationDocument, TakesOneOfEveryStratum) {
  for (const double fraction : {0.05, 0.5, 0.07, 0.001, 1.0 / 3}) {
    for (const uint64_t seed : {0, 1, 42}) {
      int64_t count = 0;
      for (int64_t i = 0; i < 100'000; ++i) {
        count += is_validation_document(i, fraction, seed);
        // At any point the count is what it should be, to within one.
        ASSERT_LE(std::abs(static_cast<double>(count) - static_cast<double>(i) * fraction), 1.2)
            << fraction << " " << i;
      }
    }
  }
  EXPECT_FALSE(is_validation_document(0, 0.0, 0));
  int64_t firsts = 0;  // no place within a stratum is preferred
  for (uint64_t seed = 0; seed < 10'000; ++seed) firsts += is_validation_document(0, 0.1, seed);
  EXPECT_NEAR(static_cast<double>(firsts), 1000, 150);
}

TEST_F(PrepareTest, ABookIsCutIntoDocuments) {
  std::string book;
  while (book.size() < 500'000) book += "A paragraph of the book,\nnumber " + std::to_string(book.size()) + ".\n\n";
  options_.inputs = {folder_.write("book.txt", book)};
  const DataSummary summary = run();
  EXPECT_GT(summary.document_bytes, 0);
  EXPECT_LE(summary.document_bytes, 64 * 1024);
  EXPECT_GE(summary.val.documents, 1);
  EXPECT_EQ(summary.train.bytes + summary.val.bytes, static_cast<int64_t>(book.size()));
  EXPECT_LT(summary.val.bytes, summary.train.bytes / 9);
  for (const std::string& document : documents("val")) EXPECT_TRUE(document.starts_with("A paragraph")) << document;

  options_.force = true;
  options_.document_bytes = 0;
  EXPECT_THAT(error(), HasSubstr("none of the 1 documents fell into the validation part"));
  options_.val_fraction = 0;
  EXPECT_EQ(run().train.documents, 1);
  EXPECT_THAT(documents("train"), ElementsAre(book));
}

// A GPT-2 tokenizer in small: its pattern, and merges that a wrong cut would change.
std::string small_bpe() {
  return R"({"added_tokens": [{"id": 9, "content": "<|endoftext|>", "special": true, "normalized": false,
    "single_word": false, "lstrip": false, "rstrip": false}], "normalizer": null, "post_processor": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "Ġ": 2, "Ċ": 3, ".": 4, "ĊĊ": 5, "Ġa": 6, "ab": 7, "Ġab": 8},
    "merges": ["Ċ Ċ", "Ġ a", "a b", "Ġa b"]}})";
}

// SentencePiece's kind of it, which begins a text with a space.
std::string small_pieces() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_token(byte)] = byte;
  int32_t id = 256;
  for (const char* piece : {"▁", "a", "b", "▁a", "ab", "▁ab", "▁▁"}) vocabulary[piece] = id++;
  return tokenizer_json({.preparation = sentence_piece_preparation(true),
                         .vocabulary = vocabulary,
                         .merges = Json::array({{"▁", "▁"}, {"▁", "a"}, {"a", "b"}, {"▁a", "b"}}),
                         .added_tokens = Json::array({added_token("</s>", id, true)})})
      .dump();
}

TEST_F(PrepareTest, PartsOfALargeDocumentHaveTheTokensOfTheWhole) {
  std::string text;
  for (uint64_t i = 0; text.size() < 6 * kPartBytes; ++i) {
    constexpr const char* pieces[] = {"ab", " ab", "a", " a", ".", "\n", "\n\n", " ", "b", " ab ab ab"};
    text += pieces[i * i % 1009 % 10];
  }
  options_.val_fraction = 0;
  options_.document_bytes = 0;
  options_.force = true;
  options_.inputs = {folder_.write("a.txt", text), folder_.write("b.jsonl", Json{{"text", text}}.dump())};
  for (const std::string& json : {small_bpe(), small_pieces()}) {
    const Tokenizer tokenizer(json, "small");
    run(tokenizer);
    std::vector<int32_t> wanted = tokenizer.encode(text);
    wanted.push_back(*tokenizer.end_of_text());
    const size_t one = wanted.size();
    wanted.resize(2 * one);
    std::copy_n(wanted.begin(), one, wanted.begin() + static_cast<std::ptrdiff_t>(one));
    EXPECT_TRUE(tokens("train") == wanted);
  }
}

TEST_F(PrepareTest, RefusesAFolderThatIsInUse) {
  options_.inputs = {write_lines("a.jsonl", 40)};
  const fs::path precious = folder_.write("out/precious.txt", "precious");
  EXPECT_THAT(error(), HasSubstr("already there and not empty; --force replaces it"));
  options_.force = true;
  EXPECT_THAT(error(), HasSubstr("it holds no data.json of an earlier run"));
  EXPECT_EQ(read_text(precious), "precious");
  EXPECT_THAT(names(folder_.path()), UnorderedElementsAre("a.jsonl", "out"));

  fs::remove(precious);
  options_.force = false;
  run();  // an empty folder is free
  EXPECT_THAT(error(), HasSubstr("--force replaces it"));
  options_.force = true;
  options_.seed = 3;
  run();
  EXPECT_EQ(read_data_summary(options_.out).seed, 3u);
  EXPECT_THAT(names(folder_.path()), UnorderedElementsAre("a.jsonl", "out"));
}

TEST_F(PrepareTest, ReplacesOnlyAnEarlierResult) {
  options_.inputs = {write_lines("a.jsonl", 40)};
  run();
  options_.force = true;
  const fs::path mine = folder_.write("out/notes.txt", "mine");
  EXPECT_THAT(error(), HasSubstr("it also holds notes.txt"));
  EXPECT_EQ(read_text(mine), "mine");
  fs::remove(mine);
  folder_.write("out/data.json", "{\"mine\": 1}");
  EXPECT_THAT(error(), HasSubstr("data.json"));
  EXPECT_TRUE(fs::exists(options_.out / "train_000000.bin"));

  options_.out = folder_ / "other";
  const fs::path partial = folder_.write("other.partial/x", "mine");
  EXPECT_THAT(error(), HasSubstr("other.partial: is there already"));
  EXPECT_EQ(read_text(partial), "mine");
}

TEST_F(PrepareTest, AnErrorLeavesNothing) {
  options_.inputs = {write_lines("a.jsonl", 100), folder_.write("bad.txt", "\xff\xfe")};
  EXPECT_THAT(error(), HasSubstr("bad.txt: not UTF-8 text at byte 0"));
  EXPECT_THAT(names(folder_.path()), UnorderedElementsAre("a.jsonl", "bad.txt"));

  options_.inputs = {folder_.write("empty.txt", "")};
  EXPECT_THAT(error(), HasSubstr("empty.txt: no text in the input"));
  options_.inputs = {folder_.path() / "gone.txt"};
  EXPECT_THAT(error(), HasSubstr("gone.txt: no such file or folder"));
  EXPECT_FALSE(fs::exists(options_.out));
}

TEST_F(PrepareTest, TheFirstBadLineIsReported) {
  std::string lines;
  for (int i = 1; i <= 2000; ++i) lines += i < 700 ? "{\"text\": \"good\"}\n" : "bad\n";
  options_.inputs = {folder_.write("a.jsonl", lines)};
  options_.threads = Threads(4);
  EXPECT_THAT(error(), HasSubstr("a.jsonl:700: not valid JSON"));
}

TEST_F(PrepareTest, BadLinesArePassedOverWhenAsked) {
  std::string lines;
  for (int i = 1; i <= 200; ++i) lines += i % 50 == 7 ? "{\"text\": null}\n" : "{\"text\": \"good\"}\n";
  options_.inputs = {folder_.write("a.jsonl", lines + "half a line")};
  EXPECT_THAT(error(), HasSubstr("a.jsonl:7: \"text\" must be a string, not null"));
  options_.skip_bad_lines = true;
  PrepareNotes notes;
  const DataSummary summary = prepare(
      options_, *byte_tokenizer(), [](int64_t, int64_t) {}, &notes);
  EXPECT_EQ(summary.skipped_lines, 5);
  EXPECT_EQ(summary.train.documents + summary.val.documents, 196);
  EXPECT_EQ(read_data_summary(options_.out).skipped_lines, 5);
  EXPECT_THAT(notes.first_bad_line, HasSubstr("a.jsonl:7: "));
}

TEST_F(PrepareTest, WeightsSayHowOftenTextsForTrainingAreWritten) {
  const auto lines = [&](const std::string& name, const std::string& word) {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "{\"text\": \"" + word + std::to_string(i) + ".\"}\n";
    return folder_.write(name, text);
  };
  options_.inputs = {lines("a.jsonl", "a"), lines("b.jsonl", "b")};
  const DataSummary once = run();
  const auto val = tokens("val");
  const auto count = [&](char word) {
    const auto all = tokens("train");
    return std::count(all.begin(), all.end(), word);
  };
  const auto a = count('a'), b = count('b');
  EXPECT_EQ(a + b + once.val.documents, 800);
  options_.force = true;
  options_.weights = {2.5, 0.5};
  const DataSummary weighted = run();
  EXPECT_TRUE(tokens("val") == val) << "validation is the same, and none of it comes into training";
  EXPECT_EQ(weighted.train.documents, count('a') + count('b'));
  EXPECT_NEAR(static_cast<double>(count('a')), 2.5 * static_cast<double>(a), 30);
  EXPECT_NEAR(static_cast<double>(count('b')), 0.5 * static_cast<double>(b), 30);
  options_.weights = {1, 1};
  run();
  EXPECT_EQ(count('a'), a);
  options_.weights = {1};
  EXPECT_THAT(error(), HasSubstr("1 weights are given for 2 inputs"));
  options_.weights = {1, 0};
  EXPECT_THAT(error(), HasSubstr("b.jsonl: a weight must be above 0 and at most 1000, not 0"));
}

TEST_F(PrepareTest, CancellingLeavesNothing) {
  options_.inputs = {write_lines("a.jsonl", 20'000)};
  CancelToken cancel;
  options_.cancel = &cancel;
  int calls = 0;
  const auto progress = [&](int64_t, int64_t) {
    if (++calls == 2) cancel.cancel();
  };
  EXPECT_THROW(prepare(options_, *byte_tokenizer(), progress), Error);
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(names(folder_.path()), UnorderedElementsAre("a.jsonl"));
}

// A file size limit stands in for a full disk: the same write fails.
TEST_F(PrepareTest, AFullDiskLeavesNothing) {
  options_.inputs = {write_lines("a.jsonl", 20'000)};
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {.rlim_cur = 1'000'000, .rlim_max = before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = error();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(message, HasSubstr("train_000000.bin.partial: cannot write: File too large"));
  EXPECT_THAT(names(folder_.path()), UnorderedElementsAre("a.jsonl"));
}

}  // namespace
}  // namespace t6
