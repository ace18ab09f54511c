#include "t6/compare/results.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "t6/compare/duration.h"
#include "t6/compare/output.h"
#include "t6/model/toml.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

Plan plan_of(const std::string& compare) {
  const std::string text = "[data]\npath = \"d\"\n[train]\nsteps = 20\n[optimizer]\nlearning_rate = 4e-4\n[compare]\n" +
                           compare +
                           "\n[[model]]\nname = \"mha\"\npreset = \"nano-mha\"\n[[model]]\nname = \"tpa\"\npreset = "
                           "\"nano-tpa\"\n";
  return make_plan(experiment_from_json(parse_toml(text, "x.toml"), "x.toml"), {.vocabulary = 0});
}

RunResult finished(double loss) {
  return {.finished = true,
          .step = 20,
          .tokens = 2000,
          .loss = loss,
          .bits_per_byte = loss / 2,
          .training_rate = 100,
          .seconds = 20,
          .curve = {{.step = 10, .tokens = 1000, .loss = loss + 1}, {.step = 20, .tokens = 2000, .loss = loss}}};
}

// The results of the runs in their order; nothing of the rest.
std::vector<RunResult> results_of(const Plan& plan, const std::vector<RunResult>& first) {
  std::vector<RunResult> all = first;
  all.resize(plan.runs.size());
  return all;
}

// The runs that a comparison makes, when each one's loss is what `loss` says of it.
template <typename Loss>
std::vector<std::string> order_of_runs(const Plan& plan, std::vector<RunResult>& results, Loss&& loss) {
  std::vector<std::string> names;
  results = results_of(plan, {});
  while (const auto next = next_run(plan, results)) {
    names.push_back(plan.runs[*next].name);
    results[*next] = loss(plan.runs[*next]);
  }
  return names;
}

TEST(NextRun, TakesAllSeedsOfOneRate) {
  const Plan plan = plan_of("seeds = [1, 2]");
  std::vector<RunResult> results;
  EXPECT_THAT(order_of_runs(plan, results, [](const ComparisonRun&) { return finished(2); }),
              ElementsAre("mha-seed=1", "tpa-seed=1", "mha-seed=2", "tpa-seed=2"));
  EXPECT_EQ(wanted_runs(plan), 4);
}

TEST(NextRun, SearchesWithSomeSeedsAndTakesTheOthersAtTheBestRate) {
  const Plan plan = plan_of("seeds = [1, 2, 3]\nlearning_rates = [1e-3, 2e-3, 3e-3]\nsearch_seeds = 1");
  std::vector<RunResult> results;
  const auto loss = [](const ComparisonRun& run) {
    const double best = run.configuration == 0 ? 2e-3 : 3e-3;
    return finished(2 + std::abs(*run.rate - best) + 0.01 * static_cast<double>(run.seed));
  };
  EXPECT_THAT(order_of_runs(plan, results, loss),
              ElementsAre("mha-lr=0.001-seed=1", "tpa-lr=0.001-seed=1", "mha-lr=0.002-seed=1", "tpa-lr=0.002-seed=1",
                          "mha-lr=0.003-seed=1", "tpa-lr=0.003-seed=1", "mha-lr=0.002-seed=2", "tpa-lr=0.003-seed=2",
                          "mha-lr=0.002-seed=3", "tpa-lr=0.003-seed=3"));
  EXPECT_EQ(wanted_runs(plan), 10);
  const auto summary = summarize(plan, results);
  EXPECT_EQ(summary[0].chosen, 1u);
  EXPECT_FALSE(summary[0].at_edge);
  EXPECT_EQ(summary[1].chosen, 2u);
  EXPECT_TRUE(summary[1].at_edge);
  EXPECT_EQ(summary[1].loss.count, 3);
  EXPECT_NEAR(summary[1].loss.mean, 2.02, 1e-12);
  EXPECT_THAT(result_notes(plan, summary, results), Contains(HasSubstr("At the edge of these rates (!)")));
}

TEST(Summary, PairsSeedsWithTheBaselines) {
  const Plan plan = plan_of("seeds = [1, 2, 3, 4]");
  const auto summary =
      summarize(plan, results_of(plan, {finished(2.40), finished(2.31), finished(2.36), finished(2.28), finished(2.41),
                                        finished(2.35), finished(2.37), finished(2.30)}));
  EXPECT_NEAR(summary[1].loss.mean, 2.31, 1e-12);
  EXPECT_NEAR(summary[1].loss.half_width, 0.0468443412303241, 1e-12);
  EXPECT_NEAR(summary[1].difference.mean, -0.075, 1e-12);
  EXPECT_NEAR(summary[1].difference.half_width, 0.020542602567605, 1e-12);
  EXPECT_EQ(summary[0].difference.count, 0);
  EXPECT_NEAR(summary[1].perplexity, std::exp(2.31), 1e-12);
  EXPECT_NEAR(summary[1].bits_per_byte, 2.31 / 2, 1e-12);
  EXPECT_EQ(summary[1].training_rate, 100);
}

TEST(Summary, TakesARunThatDivergedForTheWorst) {
  const Plan plan = plan_of("seeds = [1]\nlearning_rates = [1e-3, 1e-1]");
  RunResult diverged = {.diverged = true};
  const auto results = results_of(plan, {finished(2.5), finished(2.4), diverged, finished(2.3)});
  const auto summary = summarize(plan, results);
  EXPECT_EQ(summary[0].chosen, 0u);
  EXPECT_EQ(summary[1].chosen, 1u);
  EXPECT_FALSE(next_run(plan, results));
  EXPECT_THAT(result_notes(plan, summary, results),
              Contains(HasSubstr("diverged, which counts as an infinite loss: mha")));
  const auto json = results_json(plan, summary, results);
  EXPECT_TRUE(json["rates"][1]["search_loss"].is_null());
  EXPECT_EQ(json["runs"][2]["diverged"], true);
}

TEST(Summary, ChoosesNothingBeforeTheSearchIsDone) {
  const Plan plan = plan_of("seeds = [1]\nlearning_rates = [1e-3, 2e-3]");
  const auto results = results_of(plan, {finished(2.5), finished(2.4)});
  const auto summary = summarize(plan, results);
  EXPECT_FALSE(summary[0].chosen);
  EXPECT_TRUE(std::isnan(summary[0].loss.mean));
  EXPECT_THAT(result_notes(plan, summary, results), Contains("Not complete: 2 of 4 runs are done."));
  EXPECT_THAT(text_of(results_table(plan, summary)), HasSubstr("mha"));
}

TEST(Output, HasEveryNumberAsJsonAndCsv) {
  const Plan plan = plan_of("seeds = [1, 2]");
  const auto results = results_of(plan, {finished(2.5), finished(2.4), finished(2.6), finished(2.45)});
  const auto json = results_json(plan, summarize(plan, results), results);
  EXPECT_EQ(json["models"][1]["model"], "tpa");
  EXPECT_EQ(json["models"][1]["cache_bytes_per_token"], plan.configurations[1].cache_bytes);
  EXPECT_EQ(json["experiment"]["complete"], true);
  EXPECT_EQ(json["models"][1]["learning_rate"], 4e-4);
  EXPECT_EQ(json["runs"].size(), 4u);
  EXPECT_EQ(json["curves"].size(), 8u);
  EXPECT_THAT(csv_of(json["curves"]),
              testing::StartsWith(
                  "run,step,tokens,validation_loss,bits_per_byte,validation_accuracy\nmha-seed=1,10,1000,3.5,,\n"));
  EXPECT_EQ(csv_of({{{"a", "x,\"y"}, {"b", nullptr}}}), "a,b\n\"x,\"\"y\",\n");
  EXPECT_EQ(csv_of(nlohmann::ordered_json::array()), "");
}

TEST(Output, AlignsColumnsByWhatATerminalShows) {
  EXPECT_EQ(text_of({.head = {"m", "95 %"}, .rows = {{"longer", "±1"}, {"x", "12345"}}}),
            "m        95 %\nlonger     ±1\nx       12345\n");
}

TEST(Page, HasCurvesAndPointsOfEveryModel) {
  const Plan plan = plan_of("seeds = [1, 2]");
  const auto results = results_of(plan, {finished(2.5), finished(2.4), finished(2.6), finished(2.45)});
  const ComparisonPage page = comparison_page(plan, summarize(plan, results), results, "file");
  ASSERT_EQ(page.curves.size(), 2u);
  EXPECT_EQ(page.curves[0].points, (std::vector<std::pair<double, double>>{{1000, 3.55}, {2000, 2.55}}));
  ASSERT_EQ(page.differences.size(), 1u);
  EXPECT_NEAR(page.differences[0].points[1].second, -0.125, 1e-12);
  ASSERT_EQ(page.points.size(), 2u);
  EXPECT_NEAR(page.points[1].value, 2.425, 1e-12);
}

TEST(Duration, CountsWhatIsLeft) {
  const Plan plan = plan_of("seeds = [1, 2]");
  const Json run = {{"train",
                     {{"steps", 20},
                      {"batch_size", 2},
                      {"gradient_accumulation", 5},
                      {"context", 10},
                      {"evaluate_every", 8},
                      {"evaluate_windows", 0}}},
                    {"run", {{"validation_tokens", 101}}}};
  const RunLength length = run_length(run);
  EXPECT_EQ(length.tokens(), 2000);
  EXPECT_EQ(length.evaluations, 3);
  EXPECT_EQ(length.evaluation_tokens, 100);
  RunResult half = {.step = 10, .tokens = 1000};
  const auto results = results_of(plan, {finished(2), half});
  EXPECT_EQ(tokens_done(plan, results, length), 3000);
  // mha: one run of 2000 tokens at 100 a second; tpa: 3000 tokens at 50; evaluations add a third of 300 of 2000 tokens.
  EXPECT_NEAR(seconds_left(plan, results, length, {100, 50}), (20 + 60) * 1.05, 1e-9);
}

TEST(Folder, IsOurOwnOrEmpty) {
  const TemporaryFolder folder;
  folder.write("mine/notes.txt", "mine");
  EXPECT_THAT(error_of([&] { ComparisonFolder(folder / "mine"); }),
              HasSubstr("is there already and is no comparison's"));
  const ComparisonFolder own(folder / "own");
  EXPECT_THAT(error_of([&] { ComparisonFolder(folder / "own"); }),
              HasSubstr("another process works on this comparison"));
}

TEST(Folder, RefusesRunsOfOtherSettings) {
  const TemporaryFolder folder;
  const Plan plan = plan_of("seeds = [1]");
  {
    const ComparisonFolder own(folder / "own");
    own.write_run_files(plan);
    own.write_run_files(plan);
  }
  const ComparisonFolder again(folder / "own");
  Plan other = plan;
  other.experiment.shared["train"]["steps"] = 30;
  EXPECT_THAT(error_of([&] { again.write_run_files(other); }),
              testing::AllOf(HasSubstr("mha-seed=1.toml: this run was begun with other settings"),
                             HasSubstr("\"steps = 20\", now \"steps = 30\"")));
  again.write_run_files(plan_of("seeds = [1, 2]"));  // more runs are no other runs
}

TEST(Folder, ReadsRunsAsFarAsTheyHaveCome) {
  const TemporaryFolder folder;
  const Plan plan = plan_of("seeds = [1]");
  const ComparisonFolder own(folder / "own");
  EXPECT_FALSE(read_result(own, plan.runs[0]).done());
  const Json run = {{"model", config_to_json(plan.configurations[0].model)},
                    {"data", Json::object()},
                    {"train", {{"steps", 20}}},
                    {"run", Json::object()}};
  const std::string at = "own/runs/mha-seed=1/";
  folder.write(at + "run.json", run.dump());
  folder.write(at + "metrics.jsonl",
               "{\"step\":20,\"tokens\":2000,\"loss\":2.0,\"tokens_per_second\":50,\"seconds\":9}\n"
               "{\"step\":20,\"tokens\":2000,\"validation_loss\":2.5,\"validation_bits_per_byte\":1.25}\n");
  folder.write(at + "model/config.json", config_to_json(plan.configurations[0].model).dump());
  folder.write(at + "model/trainer.json", "{\"step\": 10}");
  const RunResult unsaved = read_result(own, plan.runs[0]);
  EXPECT_FALSE(unsaved.finished);
  EXPECT_EQ(unsaved.tokens, 2000);
  folder.write(at + "model/trainer.json", "{\"step\": 20}");
  const RunResult saved = read_result(own, plan.runs[0]);
  EXPECT_TRUE(saved.finished);
  EXPECT_EQ(saved.loss, 2.5);
  EXPECT_EQ(saved.bits_per_byte, 1.25);
  EXPECT_EQ(saved.training_rate, 50);
  own.note_divergence(plan.runs[0], "step 3: the loss is nan");
  EXPECT_TRUE(read_result(own, plan.runs[0]).diverged);
  EXPECT_FALSE(read_result(own, plan.runs[0]).finished);
}

}  // namespace
}  // namespace t6
