#include "t6/train/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/model_files.h"
#include "t6/formats/run_files.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFiles = {kConfigFile, kWeightsFile, kMomentsFile, kTrainerFile};
constexpr std::string_view kPrefix = "step-";
constexpr const char* kPartial = ".partial";

fs::path checkpoints_of(const fs::path& run) { return run / kCheckpointFolder; }

std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (error != std::errc() || rest != end || step < 0) return std::nullopt;
  return step;
}

bool is_complete(const fs::path& checkpoint) {
  return std::all_of(kFiles.begin(), kFiles.end(),
                     [&](const char* file) { return fs::is_regular_file(checkpoint / file); });
}

fs::path partial_of(const fs::path& path) { return path.string() + kPartial; }

void remove_whole(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  require(!error, "{}: cannot remove: {}", path.string(), error.message());
}

// Under another name first, so that a half removed checkpoint is not taken for one.
void remove_checkpoint(const fs::path& path) {
  remove_whole(partial_of(path));
  fs::rename(path, partial_of(path));
  remove_whole(partial_of(path));
}

void link_model(const fs::path& run, int64_t step) {
  const fs::path link = run / kRunModel;
  remove_whole(partial_of(link));
  fs::create_directory_symlink(fs::path(kCheckpointFolder) / checkpoint_path(run, step).filename(), partial_of(link));
  fs::rename(partial_of(link), link);
  sync_folder(run);
}

}  // namespace

fs::path checkpoint_path(const fs::path& run, int64_t step) {
  return checkpoints_of(run) / fmt::format("{}{:08}", kPrefix, step);
}

RunLock::RunLock(const fs::path& run) {
  make_folder(run);
  descriptor_ = ::open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(descriptor_ >= 0, "{}: cannot open: {}", run.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(descriptor_);
  fail("{}: another process is training in this folder", run.string());
}

RunLock::~RunLock() { ::close(descriptor_); }

bool holds_run(const fs::path& run) { return fs::exists(run / kRunFile) || !list_checkpoints(run).empty(); }

void remove_run(const fs::path& run) {
  // run.json last: until it is gone the folder counts as a run.
  for (const char* name : {kRunModel, kCheckpointFolder, kMetricsFile, kReportFile}) remove_whole(run / name);
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.path().filename().string().starts_with(kEventFilePrefix)) remove_whole(entry.path());
  }
  remove_whole(run / kRunFile);
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& run) {
  std::vector<CheckpointEntry> entries;
  if (!fs::is_directory(checkpoints_of(run))) return entries;
  for (const auto& entry : fs::directory_iterator(checkpoints_of(run))) {
    const auto step = step_of(entry.path().filename().string());
    if (step && is_complete(entry.path())) entries.push_back({*step, entry.path()});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return entries;
}

void recover_run_folder(const fs::path& run) {
  make_folder(checkpoints_of(run));
  std::vector<fs::path> leftovers = {partial_of(run / kRunModel)};
  for (const auto& entry : fs::directory_iterator(checkpoints_of(run))) {
    if (entry.path().extension() == kPartial) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) remove_whole(path);
  const auto entries = list_checkpoints(run);
  if (!entries.empty()) link_model(run, entries.back().step);
}

void commit_checkpoint(const fs::path& run, int64_t step, int64_t keep,
                       const std::function<void(const fs::path& folder)>& fill) {
  const fs::path path = checkpoint_path(run, step), partial = partial_of(path);
  remove_whole(partial);
  make_folder(partial);
  try {
    fill(partial);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to tell
    fs::remove_all(partial, ignored);
    throw;
  }
  if (fs::exists(path)) {  // incomplete: a resumed run begins after the newest complete checkpoint
    require(!is_complete(path), "{}: this checkpoint exists already", path.string());
    remove_whole(path);
  }
  commit_folder(partial, path);
  link_model(run, step);
  const auto entries = list_checkpoints(run);
  const size_t kept = keep == 0 ? entries.size() : static_cast<size_t>(keep);
  for (size_t i = 0; i + kept < entries.size(); ++i) remove_checkpoint(entries[i].path);
}

}  // namespace t6
