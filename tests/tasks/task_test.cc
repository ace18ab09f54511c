#include "t6/tasks/task.h"

#include <gmock/gmock.h>

#include <map>

#include "t6/core/file.h"
#include "tests/error_of.h"
#include "tests/tasks/solvers.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;
using Texts = std::set<std::string>;

std::shared_ptr<const QuestionSet> some_questions() {
  auto set = std::make_shared<QuestionSet>();
  for (size_t i = 0; i < 60; ++i) {
    std::string text = fmt::format("The river number {} flows to lake {}.", i, 7 * i);
    for (size_t j = 0; j < 50; ++j) text += fmt::format(" On day {} of journey {} it rained.", j, i);
    set->paragraphs.push_back(text);
    set->article.push_back(i / 6);
    set->questions.push_back(
        {fmt::format("Where does river number {} flow to?", i), {fmt::format("lake {}", 7 * i)}, i});
  }
  return set;
}

TaskSettings settings_for(const TaskKind& kind, int64_t length) {
  TaskSettings settings{.length = length, .seed = 7};
  if (kind.takes_questions) settings.questions = some_questions();
  return settings;
}

Texts solve(std::string_view kind, const std::string& context) {
  if (kind == "listops") return {solve_list_operations(context)};
  if (kind == "recall") return {solve_recall(context)};
  if (kind == "passkey") return {between(context, "The pass key is ", ".").at(0)};
  if (kind.starts_with("niah")) return solve_needles(context);
  if (kind == "vt") return solve_variables(context);
  if (kind == "cwe") return solve_common_words(context);
  if (kind == "fwe") return solve_frequent_words(context);
  const std::string river = between(context, "Where does river number ", " ").at(0);
  return {between(context, fmt::format("The river number {} flows to ", river), ".").at(0)};
}

TEST(Task, AnswersAreWhatASlowReaderFinds) {
  for (const TaskKind& kind : task_kinds()) {
    for (const int64_t length : {int64_t{900}, int64_t{5000}}) {
      if (kind.name == "listops" && length > 2000) continue;
      for (int64_t i = 0; i < 8; ++i) {
        const TaskDocument document = make_task(kind, settings_for(kind, length), i);
        EXPECT_EQ(Texts(document.answers.begin(), document.answers.end()), solve(kind.name, document.context))
            << kind.name << " " << i;
        EXPECT_TRUE(document.context.ends_with(document.answer_prefix)) << kind.name;
      }
    }
  }
}

TEST(Task, LengthsAreKept) {
  for (const TaskKind& kind : task_kinds()) {
    for (const int64_t length : {int64_t{2000}, int64_t{9000}}) {
      if (kind.name == "listops" && length > 2000) continue;
      const auto bytes = [](std::string_view text) { return static_cast<int64_t>(text.size()); };
      for (const bool in_bytes : {false, true}) {
        TaskSettings settings = settings_for(kind, in_bytes ? 5 * length : length);
        if (in_bytes) settings.count = bytes;
        if (in_bytes && kind.name == "listops") settings.length = length;
        const TaskDocument document = make_task(kind, settings, 3);
        EXPECT_LE(document.length, settings.length) << kind.name;
        EXPECT_GE(document.length, settings.length * 95 / 100) << kind.name;
        EXPECT_EQ(document.length, in_bytes ? bytes(document.context) : count_words(document.context)) << kind.name;
      }
    }
  }
}

// FNV-1a of the contexts and answers of three documents: other bytes on another machine, or after a change, show here.
TEST(Task, SeedsGiveTheSameLinesEverywhere) {
  const std::map<std::string_view, uint64_t> pinned = {
      {"listops", 0x1580a7df58169eef},
      {"recall", 0xcc4f4466b5ec9429},
      {"passkey", 0x17fcdfb931e7b03e},
      {"niah_single_1", 0x76081b89e23b352b},
      {"niah_single_2", 0x33f107678be6a9f8},
      {"niah_single_3", 0x82fdd97a925a1698},
      {"niah_multikey_1", 0x329427e4409cbd05},
      {"niah_multikey_2", 0xc2dbd8d9d8f6bc6d},
      {"niah_multikey_3", 0x19b25659f32b50f2},
      {"niah_multivalue", 0xd65ead6e1d2c6556},
      {"niah_multiquery", 0x7bc4605db92b64f8},
      {"vt", 0xf6976d7c273f1b54},
      {"cwe", 0x86b98ffefcc7d85b},
      {"fwe", 0x33928cabb5e98ac},
      {"qa", 0x3cbcaeb47fa5fbf2},
  };
  for (const TaskKind& kind : task_kinds()) {
    uint64_t hash = 0xcbf29ce484222325;
    for (int64_t i = 0; i < 3; ++i) {
      const TaskDocument document = make_task(kind, settings_for(kind, 1000), i);
      for (const char c : document.context + document.answers[0]) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      }
    }
    const auto found = pinned.find(kind.name);
    EXPECT_EQ(hash, found == pinned.end() ? 0 : found->second) << fmt::format("{{\"{}\", {:#x}}},", kind.name, hash);
  }
}

TEST(Task, ALineIsPinned) {
  const TaskDocument document = make_task(task_kind("recall"), {.length = 12, .seed = 1}, 0);
  EXPECT_EQ(document.context, "egkw 4\nuypy 8\ngxtx 3\nvuba 0\ngbiy 9\ngxtx");
  EXPECT_EQ(document.answers, std::vector<std::string>{"3"});
}

TEST(Task, DocumentsAndSeedsDiffer) {
  for (const TaskKind& kind : task_kinds()) {
    TaskSettings settings = settings_for(kind, 1000);
    Texts contexts;
    for (int64_t i = 0; i < 4; ++i) contexts.insert(make_task(kind, settings, i).context);
    settings.seed = 8;
    contexts.insert(make_task(kind, settings, 0).context);
    EXPECT_EQ(contexts.size(), 5u) << kind.name;
  }
}

TEST(Task, ANeedleLiesAtItsDepth) {
  for (const std::string_view name : {"passkey", "niah_single_1", "niah_single_2", "niah_multikey_2"}) {
    for (const int64_t depth : {0, 25, 50, 100}) {
      TaskSettings settings{.length = 2000, .depth = depth};
      const TaskDocument document = make_task(task_kind(name), settings, 0);
      const auto at = static_cast<double>(document.context.find(document.answers[0]));
      EXPECT_NEAR(at / static_cast<double>(document.context.size()), static_cast<double>(depth) / 100, 0.06) << name;
    }
  }
}

TEST(Task, TextsOfTheUserHideNeedles) {
  const TaskDocument document =
      make_task(task_kind("niah_multikey_1"),
                {.length = 300, .haystack = "Whales sing at night. Nobody knows why!\n\nThey do."}, 0);
  EXPECT_THAT(document.context, HasSubstr("Whales sing at night."));
  EXPECT_THAT(document.context, HasSubstr("Nobody knows why!"));
  EXPECT_THAT(solve_needles(document.context), UnorderedElementsAreArray(document.answers));
}

TEST(Task, ListOperationsHaveTheArenasSymbols) {
  Texts symbols;
  for (int64_t i = 0; i < 20; ++i) {
    const TaskDocument document = make_task(task_kind("listops"), {.length = 500}, i);
    for (const std::string& symbol : words_of(document.context)) symbols.insert(symbol);
    EXPECT_EQ(document.choices.size(), 10u);
  }
  EXPECT_EQ(symbols.size(), 15u);  // with padding, an unknown symbol and an end: a vocabulary of 18
}

TEST(Task, ListOperationsAreAsLongAsTheArenasByThemselves) {
  int64_t shortest = INT64_MAX, longest = 0;
  for (int64_t i = 0; i < 60; ++i) {
    const int64_t length = make_task(task_kind("listops"), {}, i).length;
    shortest = std::min(shortest, length);
    longest = std::max(longest, length);
  }
  EXPECT_GT(shortest, 500);
  EXPECT_LT(shortest, 600);
  EXPECT_GT(longest, 1200);
  EXPECT_LT(longest, 2000);
}

TEST(Task, WhatCannotBeIsRefused) {
  const auto error = [](std::string_view name, const TaskSettings& settings, int64_t index = 0) {
    return error_of([&] { (void)make_task(task_kind(name), settings, index); });
  };
  EXPECT_THAT(error("nonsense", {}), HasSubstr("listops, recall, passkey"));
  EXPECT_THAT(error("recall", {.length = -1}), HasSubstr("-1"));
  EXPECT_THAT(error("recall", {.length = INT64_MAX}), HasSubstr("lengths are from 1 to"));
  EXPECT_THAT(error("cwe", {.length = 50}), HasSubstr("a length of 50 is too short, the least is"));
  EXPECT_THAT(error("recall", {.haystack = "text"}), HasSubstr("text of yours"));
  EXPECT_THAT(error("recall", {.key_letters = 5}), HasSubstr("keys have 1 to 4 letters, not 5"));
  EXPECT_THAT(error("recall", {.length = 100, .key_letters = 1}), HasSubstr("too long, there are 19 keys"));
  EXPECT_THAT(error("passkey", {.key_letters = 2}), HasSubstr("passkey has no keys"));
  EXPECT_THAT(error("vt", {.depth = 5}), HasSubstr("no single needle"));
  EXPECT_THAT(error("passkey", {.depth = 101}), HasSubstr("101"));
  EXPECT_THAT(error("passkey", {.questions = some_questions()}), HasSubstr("asks no questions"));
  EXPECT_THAT(error("qa", {}), HasSubstr("needs a file"));
  EXPECT_THAT(error("qa", {.questions = some_questions()}, 60), HasSubstr("has 60 questions, and number 61"));
  EXPECT_THAT(error("qa", {.length = 100000, .questions = some_questions()}), HasSubstr("not enough to fill"));
  EXPECT_THAT(error("listops", {.length = 1000000}), HasSubstr("listops: none of"));
  EXPECT_THAT(error("recall", {.length = 8000000}), HasSubstr("recall: the context is too long"));
  EXPECT_THAT(error("niah_multikey_2", {.length = 2000000}), HasSubstr("different words"));
  const std::function<int64_t(std::string_view)> nothing = [](std::string_view) { return int64_t{0}; };
  EXPECT_THAT(error("passkey", {.count = nothing}), HasSubstr("not enough to fill"));
}

TEST(Questions, AreReadAsSquadWritesThem) {
  const TemporaryFolder folder;
  write_text(folder.path() / "squad.json", R"({"version": "v2.0", "data": [
    {"title": "a", "paragraphs": [
      {"context": "One.", "qas": [{"question": "q1", "id": "1", "answers": [{"text": "x", "answer_start": 0}, {"text": "y"}]},
                                  {"question": "q2", "is_impossible": true, "answers": []}]},
      {"context": "Two.", "qas": []}]},
    {"title": "b", "paragraphs": [{"context": "One.", "qas": [{"question": "q3", "answers": [{"text": "z"}]}]}]}]})");
  const QuestionSet set = read_questions(folder.path() / "squad.json");
  EXPECT_EQ(set.paragraphs, (std::vector<std::string>{"One.", "Two."}));
  EXPECT_EQ(set.article, (std::vector<size_t>{0, 0}));
  ASSERT_EQ(set.questions.size(), 2u);
  EXPECT_EQ(set.questions[0].answers, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(set.questions[1].text, "q3");
  EXPECT_EQ(set.questions[1].paragraph, 0u);
}

TEST(Questions, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "squad.json";
  const auto error = [&](const char* text) {
    write_text(path, text);
    return error_of([&] { (void)read_questions(path); });
  };
  EXPECT_THAT(error("{"), HasSubstr("squad.json"));
  EXPECT_THAT(error("[]"), HasSubstr("squad.json"));
  EXPECT_THAT(error(R"({"data": 3})"), HasSubstr("\"data\""));
  EXPECT_THAT(error(R"({"data": []})"), HasSubstr("no question"));
  EXPECT_THAT(error(R"({"data": [{"paragraphs": [{"qas": []}]}]})"), HasSubstr("article 1"));
  EXPECT_THAT(error(R"({"data": [{"paragraphs": [{"context": "x", "qas": [{"question": 1}]}]}]})"),
              HasSubstr("question"));
  EXPECT_THAT(error(R"({"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "q", "answers": [1]}]}]}]})"),
              HasSubstr("article 1"));
}

}  // namespace
}  // namespace t6
