#include "t6/eval/tasks.h"

#include <gmock/gmock.h>

#include "t6/eval/tasks/characters.h"
#include "t6/eval/tasks/python_random.h"
#include "t6/eval/tasks/statistics.h"
#include "t6/formats/json.h"
#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path kData = source_dir() / "tests/eval/data/tasks";

// What lm-evaluation-harness makes of the same files; tests/eval/make_tasks.py wrote it.
const Json& harness() {
  static const Json all = read_json(kData / "harness.json");
  return all;
}

EvalTask read(const std::string& name, int64_t shots = 0, int64_t limit = 0) {
  return read_task(name, kData, {.shots = shots, .limit = limit});
}

TEST(Tasks, PromptsAreTheHarnesss) {
  for (const std::string& name : task_names()) {
    for (const int64_t shots : {0, 3}) {
      const Json& wanted = harness().at(name).at(std::to_string(shots)).at("documents");
      const EvalTask task = read(name, shots);
      ASSERT_EQ(task.documents.size(), wanted.size()) << name;
      for (size_t i = 0; i < wanted.size(); ++i) {
        const EvalDocument& document = task.documents[i];
        ASSERT_EQ(document.count(), wanted[i].at("texts").size()) << name << " " << i;
        EXPECT_EQ(document.contexts, wanted[i].at("contexts")) << name << " " << i;
        for (size_t choice = 0; choice < document.count(); ++choice) {
          EXPECT_EQ(document.text(choice), wanted[i].at("texts")[choice]) << name << " " << i;
        }
      }
    }
  }
}

std::vector<ChoiceScore> likelihoods(const Json& document) {
  std::vector<ChoiceScore> scores;
  for (size_t i = 0; i < document.at("likelihoods").size(); ++i) {
    scores.push_back({document["likelihoods"][i], 1, document["greedy"][i]});
  }
  return scores;
}

void expect_mean(const std::optional<Mean>& mean, const Json& scores, const std::string& key) {
  ASSERT_EQ(mean.has_value(), scores.contains(key)) << key;
  if (!mean) return;
  EXPECT_NEAR(mean->value, scores.at(key), 1e-12 * mean->value) << key;
  if (!scores.contains(key + "_stderr")) return;
  EXPECT_NEAR(mean->standard_error.value(), scores.at(key + "_stderr"), 1e-12) << key;
}

TEST(Tasks, ScoresAreTheHarnesss) {
  for (const std::string& name : task_names()) {
    SCOPED_TRACE(name);
    const EvalTask task = read(name);
    const Json& wanted = harness().at(name).at("0");
    TaskTally tally(task);
    for (size_t i = 0; i < task.documents.size(); ++i) {
      const Json& document = wanted.at("documents")[i];
      const DocumentScore score = judge_document(task, i, likelihoods(document));
      EXPECT_EQ(score.right, document.at("acc") == 1) << i;
      if (document.contains("acc_norm")) {
        EXPECT_EQ(score.right_normalized, document["acc_norm"] == 1) << i;
      }
      tally.add(i, score);
    }
    const TaskResult result = tally.result();
    expect_mean(result.all.accuracy, wanted.at("scores"), "acc");
    expect_mean(result.all.normalized, wanted.at("scores"), "acc_norm");
    expect_mean(result.all.perplexity, wanted.at("scores"), "perplexity");
    EXPECT_EQ(result.all.documents, std::ssize(task.documents));
  }
}

TEST(Tasks, SubjectsHaveScoresOfTheirOwn) {
  const EvalTask task = read("mmlu");
  TaskTally tally(task);
  for (size_t i = 0; i < task.documents.size(); ++i) {
    tally.add(i, judge_document(task, i, std::vector<ChoiceScore>(4, {-double(i), 1, false})));
  }
  const TaskResult result = tally.result();
  ASSERT_EQ(result.groups.size(), 4u);
  EXPECT_EQ(result.groups[0].name, "anatomy");
  EXPECT_EQ(result.groups[0].documents, 3);
  EXPECT_EQ(result.groups[3].documents, 2);
  std::vector<std::string> names;
  for (const TaskScore& each : result.categories) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("humanities", "other", "social sciences", "stem"));
}

TEST(Tasks, OneDocumentHasNoStandardError) {
  const EvalTask task = read("piqa", 0, 1);
  TaskTally tally(task);
  tally.add(0, judge_document(task, 0, {{-1, 1, false}, {-2, 1, false}}));
  EXPECT_EQ(tally.result().all.accuracy.value, 1);
  EXPECT_FALSE(tally.result().all.accuracy.standard_error);
}

TEST(Tasks, LimitCountsDocumentsOfEachSubject) {
  EXPECT_EQ(read("piqa", 0, 2).documents.size(), 2u);
  EXPECT_EQ(read("mmlu", 0, 2).documents.size(), 8u);
  // Shots are drawn document by document, so that a limit does not change them.
  EXPECT_EQ(read("piqa", 3, 2).documents[1].contexts, read("piqa", 3).documents[1].contexts);
}

TEST(Tasks, ShotsThatAreNotThereAreAnError) {
  EXPECT_THAT(error_of([] { read("piqa", 5); }),
              AllOf(HasSubstr("piqa.jsonl:1"), HasSubstr("5 shots are wanted"), HasSubstr("there are 4 documents")));
  EXPECT_THAT(error_of([] { read("mmlu", 4); }), HasSubstr("4 shots are wanted, and there are 3 documents"));
}

TEST(Tasks, UnknownAndMissingOnesAreNamed) {
  EXPECT_THAT(error_of([] { read("arc"); }), AllOf(HasSubstr("\"arc\""), HasSubstr("arc_easy, arc_challenge")));
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_task("piqa", folder.path(), {}); }), HasSubstr("no piqa.jsonl"));
}

// What happens to a task of one line.
std::string error_of_line(const std::string& name, const std::string& line) {
  const TemporaryFolder folder;
  write_text(folder.path() / (name + ".jsonl"), line + "\n");
  return error_of([&] { read_task(name, folder.path(), {}); });
}

TEST(Tasks, LinesOfAnotherKindAreErrors) {
  EXPECT_THAT(error_of_line("piqa", R"({"goal": "a", "sol1": "b", "label": 0})"),
              AllOf(HasSubstr("piqa.jsonl:1"), HasSubstr("sol2")));
  EXPECT_THAT(error_of_line("piqa", R"({"goal": "a", "sol1": "b", "sol2": "c", "label": 2})"),
              HasSubstr("the answer is \"2\", not one of the 2 choices"));
  EXPECT_THAT(error_of_line("piqa", R"({"goal": "a", "sol1": "b", "sol2": 3, "label": 0})"),
              HasSubstr("a choice is 3, not a text"));
  EXPECT_THAT(error_of_line("winogrande", R"({"sentence": "a", "option1": "b", "option2": "c", "answer": "1"})"),
              HasSubstr("not a document of winogrande"));
  EXPECT_THAT(error_of_line("arc_easy", R"({"question": "a", "choices": 3, "answerKey": "A"})"), HasSubstr("arc_easy"));
  EXPECT_THAT(error_of_line("hellaswag", "[]"), HasSubstr("hellaswag.jsonl:1"));
}

TEST(Tasks, DamagedFilesAreErrorsOrTasks) {
  const TemporaryFolder folder;
  for (const std::string name : {"arc_easy", "winogrande", "hellaswag"}) {
    const std::string content = read_text(kData / (name + ".jsonl"));
    expect_errors_or_success(content, content.size(), 7, [&](const std::filesystem::path& path) {
      std::filesystem::copy_file(path, folder.path() / (name + ".jsonl"),
                                 std::filesystem::copy_options::overwrite_existing);
      read_task(name, folder.path(), {.shots = 1});
    });
  }
}

EvalTask read_own(const std::string& lines, int64_t shots = 0) {
  const TemporaryFolder folder;
  write_text(folder.path() / "own.jsonl", lines);
  return read_task_file(folder.path() / "own.jsonl", {.shots = shots});
}

TEST(Tasks, FilesOfOnesOwnHaveChoices) {
  const EvalTask task =
      read_own(R"({"context": "One and one is", "choices": ["two", "drei"], "answer": 0, "source": "school"})"
               "\n"
               R"({"context": "A", "choices": ["b", "c", "é"], "answer": "é", "delimiter": ""})"
               "\n");
  EXPECT_EQ(task.name, "own");
  EXPECT_TRUE(task.has_choices);
  ASSERT_EQ(task.documents.size(), 2u);
  EXPECT_EQ(task.documents[0].text(1), " drei");
  EXPECT_EQ(task.documents[1].answer, 2);
  EXPECT_EQ(task.documents[1].text(2), "é");
  EXPECT_THAT(task.documents[1].lengths, ElementsAre(1, 1, 1));
}

TEST(Tasks, FilesOfOnesOwnAreCalledByTheirNames) {
  const TemporaryFolder folder;
  write_text(folder.path() / "v1.2.jsonl", R"({"context": "a", "answer": "b"})");
  EXPECT_EQ(read_task_file(folder.path() / "v1.2.jsonl", {}).name, "v1.2");
}

TEST(Tasks, FilesOfOnesOwnHaveTexts) {
  const EvalTask task = read_own(R"({"context": "One and one is", "answer": "two"})");
  EXPECT_FALSE(task.has_choices);
  EXPECT_EQ(task.documents[0].text(0), " two");
}

TEST(Tasks, ShotsOfOnesOwnAreOtherDocuments) {
  const EvalTask task = read_own(R"({"context": "a", "answer": "1"})"
                                 "\n"
                                 R"({"context": "b", "answer": "2"})"
                                 "\n",
                                 1);
  EXPECT_THAT(task.documents[0].contexts, ElementsAre("b 2\n\na"));
  EXPECT_THAT(task.documents[1].contexts, ElementsAre("a 1\n\nb"));
  EXPECT_THAT(task.notes, ElementsAre(HasSubstr("own.fewshot.jsonl")));
}

TEST(Tasks, FilesOfOnesOwnThatAreWrong) {
  EXPECT_THAT(error_of([] { read_own(R"({"context": "a", "choices": ["b"], "answer": 0})"); }),
              HasSubstr("two texts or more"));
  EXPECT_THAT(error_of([] { read_own(R"({"context": "a", "choices": ["b", "c"], "answer": 2})"); }),
              HasSubstr("answer"));
  EXPECT_THAT(error_of([] { read_own(R"({"context": "a", "choices": ["b", "b"], "answer": "b"})"); }),
              HasSubstr("is 2 of the choices"));
  EXPECT_THAT(error_of([] { read_own(R"({"context": "a", "answer": 3})"); }), HasSubstr("answer"));
  EXPECT_THAT(error_of([] {
                read_own(R"({"context": "a", "answer": "b"})"
                         "\n"
                         R"({"context": "a", "choices": ["b", "c"], "answer": 0})");
              }),
              HasSubstr("document 2"));
  EXPECT_THAT(error_of([] { read_own("\n"); }), HasSubstr("no documents"));
}

// Figures of Python 3.11.
TEST(PythonRandom, DrawsWhatPythonDraws) {
  PythonRandom random(1234);
  EXPECT_THAT(random.sample(5, 3), ElementsAre(3u, 0u, 4u));
  EXPECT_THAT(random.sample(1000, 5), ElementsAre(92u, 932u, 965u, 961u, 826u));
  EXPECT_THAT(random.sample(80, 6), ElementsAre(74u, 4u, 10u, 12u, 45u, 30u));
  EXPECT_THAT(random.sample(90, 6), ElementsAre(2u, 3u, 44u, 82u, 79u, 61u));
  EXPECT_EQ(random.below(uint64_t{1} << 32), 2644908285u);
  EXPECT_THAT(PythonRandom(0).sample(10042, 2), ElementsAre(6311u, 6890u));
}

TEST(Characters, SpaceAtTheEndIsUnicodes) {
  EXPECT_EQ(trailing_space("a \n\t"), 3u);
  EXPECT_EQ(trailing_space("a\u00a0\u3000"), 5u);
  EXPECT_EQ(trailing_space(" \u2003"), 4u);
  EXPECT_EQ(trailing_space("a"), 0u);
  EXPECT_EQ(trailing_space("\u200b"), 0u);  // a space for typesetters, not for Python
  EXPECT_EQ(trailing_space("\x80\x80\x80"), 0u);
  EXPECT_EQ(trailing_space(""), 0u);
}

TEST(Characters, BracketsAreShortestAndOnOneLine) {
  EXPECT_EQ(remove_brackets("a [title] b [x]  c"), "a. b  c");
  EXPECT_EQ(remove_brackets("[a [b] c]"), " c]");
  EXPECT_EQ(remove_brackets("[a\n[b]c"), "[a\nc");
  EXPECT_EQ(remove_brackets("a ["), "a [");
  EXPECT_EQ(remove_brackets("   "), "  ");  // pairs, from the left, once
}

}  // namespace
}  // namespace t6
