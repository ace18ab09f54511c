// The folder of a comparison: OUT/comparison.json, which says that it is one, OUT/runs with a file NAME.toml, a log and
// a folder for each run, and the results.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "t6/compare/plan.h"

namespace t6 {

inline constexpr const char* kComparisonReport = "report.html";
inline constexpr const char* kComparisonResults = "results.json";

// Whether processes of one launch share a comparison's runs.
enum class Workers { one, several };

// A run that this process has taken, until the claim is gone.
class RunClaim {
 public:
  explicit RunClaim(int lock) : lock_(lock) {}
  RunClaim(RunClaim&& other) noexcept : lock_(std::exchange(other.lock_, -1)) {}
  RunClaim& operator=(RunClaim&&) = delete;
  ~RunClaim();

 private:
  int lock_;
};

// Held while this lives: one process works in the folder, or several that know of each other.
class ComparisonFolder {
 public:
  // Makes the folder. Errors: it holds something and is no comparison's; another process works in it.
  explicit ComparisonFolder(const std::filesystem::path& path, Workers workers = Workers::one);
  ~ComparisonFolder();
  ComparisonFolder(const ComparisonFolder&) = delete;
  ComparisonFolder& operator=(const ComparisonFolder&) = delete;

  // Waits until another process has made the folder `path` and the files of all runs. Error: it has not within
  // `seconds`.
  static void wait_until_made(const std::filesystem::path& path, const Plan& plan, double seconds);

  const std::filesystem::path& path() const { return path_; }
  bool is_shared() const { return workers_ == Workers::several; }
  std::filesystem::path run(const ComparisonRun& run) const { return path_ / "runs" / run.name; }
  std::filesystem::path run_file(const ComparisonRun& run) const;
  std::filesystem::path log_file(const ComparisonRun& run) const;
  // A folder for short measurements, which may be removed with all that is in it.
  std::filesystem::path scratch() const { return path_ / "scratch"; }

  // Writes the file of each run that has none. Error: there is one that says something else, so that the run in this
  // folder is another; it names the run and the first line that differs.
  void write_run_files(const Plan& plan) const;

  // Takes a run; nothing where another process has it.
  std::optional<RunClaim> claim(const ComparisonRun& run) const;

  // The message with which a run ended because its loss was no number; nothing where none did.
  std::optional<std::string> divergence(const ComparisonRun& run) const;
  void note_divergence(const ComparisonRun& run, const std::string& message) const;

  // Waits until no process trains in a run's folder any more, one that was left over by a process that was killed, or
  // until `seconds` have passed; whether that is so.
  bool wait_until_free(const ComparisonRun& run, double seconds) const;

 private:
  std::filesystem::path path_;
  Workers workers_;
  int lock_ = -1;
};

}  // namespace t6
