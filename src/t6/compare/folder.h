// The folder of a comparison: OUT/comparison.json, which says that it is one, OUT/runs with a file NAME.toml, a log and
// a folder for each run, and the results.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "t6/compare/plan.h"

namespace t6 {

inline constexpr const char* kComparisonReport = "report.html";
inline constexpr const char* kComparisonResults = "results.json";

// Held while this lives: one process works in the folder.
class ComparisonFolder {
 public:
  // Makes the folder. Errors: it holds something and is no comparison's; another process works in it.
  explicit ComparisonFolder(const std::filesystem::path& path);
  ~ComparisonFolder();
  ComparisonFolder(const ComparisonFolder&) = delete;
  ComparisonFolder& operator=(const ComparisonFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path run(const ComparisonRun& run) const { return path_ / "runs" / run.name; }
  std::filesystem::path run_file(const ComparisonRun& run) const;
  std::filesystem::path log_file(const ComparisonRun& run) const;
  // A folder for short measurements, which may be removed with all that is in it.
  std::filesystem::path scratch() const { return path_ / "scratch"; }

  // Writes the file of each run that has none. Error: there is one that says something else, so that the run in this
  // folder is another; it names the run and the first line that differs.
  void write_run_files(const Plan& plan) const;

  // The message with which a run ended because its loss was no number; nothing where none did.
  std::optional<std::string> divergence(const ComparisonRun& run) const;
  void note_divergence(const ComparisonRun& run, const std::string& message) const;

  // Waits until no process trains in a run's folder any more, one that was left over by a process that was killed, or
  // until `seconds` have passed; whether that is so.
  bool wait_until_free(const ComparisonRun& run, double seconds) const;

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace t6
