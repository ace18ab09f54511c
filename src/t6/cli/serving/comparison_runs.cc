#include "t6/cli/serving/comparison_runs.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>
#include <variant>

#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/stopwatch.h"
#include "t6/formats/json.h"
#include "t6/formats/run_files.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "t6-train";
constexpr std::string_view kErrorMark = "t6: error: ";
// How long a trial trains, in minutes, and how long a process that was left over may take to save and end, in seconds.
constexpr const char* kTrialMinutes = "0.05";
constexpr double kPatience = 60;

// The last error in what a program wrote, without "t6: error: "; all that it wrote where there is none.
std::string error_in(const std::string& output) {
  const size_t mark = output.rfind(kErrorMark);
  if (mark == std::string::npos) return output.empty() ? "it said nothing" : output;
  const size_t begin = mark + kErrorMark.size();
  return output.substr(begin, output.find('\n', begin) - begin);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// A file for the time of a check, in the system's folder for such.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    std::string name = (fs::temp_directory_path() / "t6-compare-XXXXXX").string();
    const int descriptor = ::mkstemp(name.data());
    require(descriptor >= 0, "{}: cannot be made", name);
    ::close(descriptor);
    path_ = name;
    write_text(path_, text);
  }
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

Json check_run(const Plan& plan, const ComparisonRun& run) {
  const TemporaryFile file(run_toml(plan, run));
  std::string output;
  const bool good = supervise_beside(kProgram, {"train", file.path(), "--dry-run"}, output, [] {});
  require(!interrupt_token().cancelled(), "stopped before anything was trained");
  const std::string source = fmt::format("{} (run {})", plan.experiment.source, run.name);
  require(good, "{}", replaced(error_in(output), file.path(), source));
  return parse_json(output, source);
}

// The last step that a run has written down.
std::optional<StepRecord> last_record(const fs::path& metrics) {
  constexpr uint64_t kTail = 4096;
  if (!path_exists(metrics)) return {};
  const FileReader file(metrics);
  std::string text(std::min(kTail, file.size()), '\0');
  file.read_at(file.size() - text.size(), text.data(), text.size());
  std::optional<StepRecord> last;
  size_t begin = file.size() > kTail ? text.find('\n') + 1 : 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const Json line = Json::parse(text.substr(begin, end - begin), nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) continue;
    const MetricsRecord record = metrics_record(JsonObject(line, metrics.string()));
    if (std::holds_alternative<StepRecord>(record)) last = std::get<StepRecord>(record);
  }
  return last;
}

}  // namespace

RunLength check_runs(const Plan& plan) {
  require(!path_beside(kProgram).empty(),
          "this command needs the program {}, which was not built beside t6; build it with 'make build'", kProgram);
  std::optional<RunLength> length;
  std::set<std::pair<size_t, std::optional<double>>> seen;
  const std::optional<double> first_rate = plan.runs.front().rate;
  for (const ComparisonRun& run : plan.runs) {
    const bool wanted = run.configuration == 0 || run.rate == first_rate;
    if (!wanted || !seen.emplace(run.configuration, run.rate).second) continue;
    const RunLength found = run_length(check_run(plan, run));
    if (!length) length = found;
  }
  require(length->evaluation_tokens > 0,
          "{}: the data has no validation split, and models are compared by their loss on it", plan.experiment.source);
  return *length;
}

ComparisonRuns::ComparisonRuns(const ComparisonFolder& folder, const Plan& plan, const RunLength& length)
    : folder_(folder), plan_(plan), length_(length), results_(read_results(folder, plan)) {}

// Some steps of one forward pass, in a folder of their own that is removed afterwards; NaN where that did not succeed.
double ComparisonRuns::trial_rate(size_t configuration) {
  const auto run = std::ranges::find(plan_.runs, configuration, &ComparisonRun::configuration);
  const fs::path scratch = folder_.scratch();
  fs::remove_all(scratch);
  std::string output;
  const bool good = supervise_beside(kProgram, {"train",     folder_.run_file(*run).string(),
                                                "--out",     scratch.string(),
                                                "--quiet",   "--no-report",
                                                "--minutes", kTrialMinutes,
                                                "--set",     "train.gradient_accumulation=1",
                                                "--set",     "train.log_every=1",
                                                "--set",     "train.evaluate_windows=1",
                                                "--set",     "train.evaluate_every=0",
                                                "--set",     "train.sample_every=0",
                                                "--set",     "train.checkpoint_every=0",
                                                "--set",     "train.keep_best=false"},
                                     output, [] {});
  const auto last = good ? last_record(scratch / kMetricsFile) : std::nullopt;
  fs::remove_all(scratch);
  return last ? last->tokens_per_second : kNoNumber;
}

double ComparisonRuns::seconds_left() {
  if (!next_run(plan_, results_)) return 0;
  std::vector<double> rates(plan_.configurations.size(), kNoNumber);
  for (size_t i = 0; i < results_.size(); ++i) {
    if (results_[i].training_rate) rates[plan_.runs[i].configuration] = *results_[i].training_rate;
  }
  ProgressBar bar("trying the speed of each model", std::ssize(rates), "");
  for (size_t i = 0; i < rates.size() && !interrupt_token().cancelled(); ++i) {
    bar.update(static_cast<int64_t>(i), plan_.configurations[i].name);
    if (std::isnan(rates[i])) rates[i] = trial_rate(i);
  }
  bar.hide();
  return t6::seconds_left(plan_, results_, length_, rates);
}

// What other processes have done since.
void ComparisonRuns::look_at_others() {
  if (folder_.is_shared()) results_ = read_results(folder_, plan_);
}

void ComparisonRuns::show_progress(size_t index, ProgressBar& bar) {
  look_at_others();
  const ComparisonRun& run = plan_.runs[index];
  const auto last = last_record(folder_.run(run) / kMetricsFile);
  const int64_t before = tokens_done(plan_, results_, length_) - results_[index].tokens;
  const auto done = std::ranges::count_if(results_, &RunResult::done);
  const std::string where = fmt::format("run {}/{} {}", done + 1, wanted_runs(plan_), run.name);
  bar.update(before + (last ? last->tokens : 0),
             last ? fmt::format("{}  step {}/{}  loss {:.4f}", where, last->step, length_.steps, last->loss) : where);
}

void ComparisonRuns::train(size_t index, ProgressBar& bar) {
  const ComparisonRun& run = plan_.runs[index];
  require(folder_.wait_until_free(run, kPatience), "{}: another process is training in this folder",
          folder_.run(run).string());
  std::string output;
  Stopwatch shown;
  const bool good = supervise_beside(kProgram,
                                     {"train", folder_.run_file(run).string(), "--out", folder_.run(run).string(),
                                      "--resume", "--quiet", "--no-report"},
                                     output, [&] {
                                       if (shown.seconds() < 0.5) return;
                                       show_progress(index, bar);
                                       shown = Stopwatch();
                                     });
  AppendFile(folder_.log_file(run)).append(output);
  const std::string error = good ? "" : error_in(output);
  const bool diverged = error.find(kDivergedAdvice) != std::string::npos;
  if (diverged) folder_.note_divergence(run, error);
  results_[index] = read_result(folder_, run);
  if (interrupt_token().cancelled() || results_[index].done()) return;
  bar.hide();
  fail("run {}: {}; its log is {}", run.name, good ? "it ended before its last step" : error,
       folder_.log_file(run).string());
}

bool ComparisonRuns::train_first_free(const std::vector<size_t>& open, ProgressBar& bar) {
  for (const size_t index : open) {
    const std::optional<RunClaim> claim = folder_.claim(plan_.runs[index]);
    if (!claim) continue;
    results_[index] = read_result(folder_, plan_.runs[index]);  // another process may have had it until now
    if (!results_[index].done()) train(index, bar);
    return true;
  }
  return false;
}

void ComparisonRuns::train_all() {
  ProgressBar bar("comparing", wanted_runs(plan_) * length_.tokens(), "tokens");
  bar.start_at(tokens_done(plan_, results_, length_));
  while (!interrupt_token().cancelled()) {
    look_at_others();
    const std::vector<size_t> open = open_runs(plan_, results_);
    if (open.empty()) break;
    if (train_first_free(open, bar)) continue;
    bar.update(tokens_done(plan_, results_, length_), "other processes train the last runs");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  bar.hide();
}

}  // namespace t6
