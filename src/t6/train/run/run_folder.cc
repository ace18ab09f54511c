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
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/formats/run_files.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFiles = {kConfigFile, kWeightsFile, kMomentsFile, kTrainerFile};
constexpr std::string_view kPrefix = "step-";
constexpr const char* kPartial = ".partial";
constexpr const char* kDamaged = ".damaged";
constexpr std::string_view kReportMark = "T6 run report</title>";  // in every page of report/page

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

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

bool is_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(path, ignored);
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  require(!error, "{}: cannot remove: {}", path.string(), error.message());
}

// Removes a checkpoint's own files from a folder, and the folder when nothing else is in it.
void clear_checkpoint(const fs::path& folder) {
  if (!fs::is_directory(fs::symlink_status(folder))) return;
  constexpr std::array kNames = {kTrainerFile, kMomentsFile,   kWeightsFile,
                                 kConfigFile,  kTokenizerFile, kClassifierFile};
  for (const char* name : kNames) {
    remove_file(folder / name);
    remove_file(partial_of(folder / name));
  }
  if (fs::is_empty(folder)) remove_file(folder);
}

// Under another name while it goes, so that a half removed checkpoint is not taken for one.
void remove_checkpoint(const fs::path& path) {
  const fs::path partial = partial_of(path);
  clear_checkpoint(partial);
  if (is_there(partial)) return clear_checkpoint(path);
  fs::rename(path, partial);
  clear_checkpoint(partial);
  if (is_there(partial)) fs::rename(partial, path);  // what is left in it is somebody else's
}

void make_link(const fs::path& run, const char* name, int64_t step) {
  const fs::path link = run / name;
  require(!is_there(link) || is_link(link), "{}: is in the way: it is no link of a run; move it elsewhere",
          link.string());
  remove_file(partial_of(link));
  fs::create_directory_symlink(fs::path(kCheckpointFolder) / checkpoint_path(run, step).filename(), partial_of(link));
  fs::rename(partial_of(link), link);
}

// step-00000100, and with .partial or .damaged.
bool is_checkpoint_name(const fs::path& name) {
  const std::string extension = name.extension().string();
  const bool marked = extension == kPartial || extension.starts_with(kDamaged);
  return step_of(marked ? name.stem().string() : name.string()).has_value();
}

bool is_own_report(const fs::path& path) {
  return fs::is_regular_file(fs::symlink_status(path)) &&
         MappedFile(path).text().find(kReportMark) != std::string::npos;
}

std::optional<Json> own_run_json(const fs::path& run) {
  const fs::path path = run / kRunFile;
  if (!fs::is_regular_file(path)) return std::nullopt;
  const Json json = Json::parse(read_text(path), nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* section) {
    return json.is_object() && json.contains(section) && json[section].is_object();
  };
  const bool own = has(run_keys::kModel) && has(run_keys::kData) && has(run_keys::kTrain) && has(run_keys::kFacts);
  return own ? std::optional(json) : std::nullopt;
}

// What a run writes in its folder, but for event files, whose names are nobody else's.
std::vector<fs::path> names_of_a_run() {
  std::vector<fs::path> names = {kRunFile, kMetricsFile,      kReportFile, kRunModel,
                                 kRunBest, kCheckpointFolder, kSamplesFile};
  for (size_t i = names.size(); i-- > 0;) names.push_back(partial_of(names[i]));
  return names;
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

bool holds_run(const fs::path& run) { return own_run_json(run).has_value(); }

void require_no_foreign_files(const fs::path& run) {
  constexpr const char* kAdvice = "move it elsewhere, or name another folder with --out";
  if (!holds_run(run)) {
    for (const fs::path& name : names_of_a_run()) {
      const fs::path path = run / name;
      const bool empty = fs::is_directory(path) && fs::is_empty(path);
      require(!is_there(path) || (empty && name == kCheckpointFolder),
              "{}: is there already, and the folder holds no {} of a run of ours that may have written it; {}",
              path.string(), kRunFile, kAdvice);
    }
    return;
  }
  for (const char* name : {kRunModel, kRunBest}) {
    require(!is_there(run / name) || is_link(run / name), "{}: is not a run's, whose {} is a link to a checkpoint; {}",
            (run / name).string(), name, kAdvice);
  }
  const fs::path report = run / kReportFile;
  require(!is_there(report) || is_own_report(report), "{}: is not a run's report; {}", report.string(), kAdvice);
  const fs::path checkpoints = checkpoints_of(run);
  require(!is_there(checkpoints) || fs::is_directory(checkpoints), "{}: is no folder; {}", checkpoints.string(),
          kAdvice);
}

void remove_run(const fs::path& run) {
  const std::optional<Json> json = own_run_json(run);
  require(json.has_value(), "{}: holds no run", run.string());
  require_no_foreign_files(run);
  for (const char* link : {kRunModel, kRunBest}) remove_file(run / link);
  if (fs::is_directory(checkpoints_of(run))) {
    std::vector<fs::path> checkpoints;
    for (const auto& entry : fs::directory_iterator(checkpoints_of(run))) {
      if (is_checkpoint_name(entry.path().filename())) checkpoints.push_back(entry.path());
    }
    for (const fs::path& path : checkpoints) clear_checkpoint(path);
    if (fs::is_empty(checkpoints_of(run)) && !is_link(checkpoints_of(run))) remove_file(checkpoints_of(run));
  }
  for (const char* name : {kMetricsFile, kReportFile, kSamplesFile}) remove_file(run / name);
  for (const Json& name : json->at(run_keys::kFacts).value(run_keys::kEventFiles, Json::array())) {
    const fs::path file = name.is_string() ? fs::path(name.get<std::string>()) : fs::path();
    const bool plain = file == file.filename() && file.string().starts_with(kEventFilePrefix);
    if (plain) remove_file(run / file);
  }
  // Last: until it is gone the folder counts as a run.
  remove_file(run / kRunFile);
}

void require_complete(const fs::path& checkpoint) {
  for (const char* file : kFiles) {
    require(fs::is_regular_file(checkpoint / file), "{}: is missing", (checkpoint / file).string());
  }
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& run, Completeness wanted) {
  std::vector<CheckpointEntry> entries;
  if (!fs::is_directory(checkpoints_of(run))) return entries;
  for (const auto& entry : fs::directory_iterator(checkpoints_of(run))) {
    const auto step = step_of(entry.path().filename().string());
    const bool good = wanted == Completeness::any ? entry.is_directory() : is_complete(entry.path());
    if (step && good) entries.push_back({*step, entry.path()});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return entries;
}

void recover_run_folder(const fs::path& run) {
  make_folder(checkpoints_of(run));
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(checkpoints_of(run))) {
    const fs::path name = entry.path().filename();
    if (name.extension() == kPartial && is_checkpoint_name(name)) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) clear_checkpoint(path);
  for (const char* name : {kRunModel, kRunBest}) {
    if (is_link(partial_of(run / name))) remove_file(partial_of(run / name));
  }
  // A run refuses to begin where files of these names are.
  for (const char* name : {kRunFile, kMetricsFile, kReportFile, kSamplesFile}) remove_file(partial_of(run / name));
}

void link_checkpoints(const fs::path& run, std::optional<int64_t> best) {
  const auto entries = list_checkpoints(run);
  if (!entries.empty()) make_link(run, kRunModel, entries.back().step);
  const bool kept =
      best && std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.step == *best; });
  if (kept) {
    make_link(run, kRunBest, *best);
  } else if (is_link(run / kRunBest)) {
    remove_file(run / kRunBest);
  }
  sync_folder(run);
}

fs::path set_aside(const fs::path& checkpoint) {
  fs::path name = checkpoint.string() + kDamaged;
  for (int i = 2; is_there(name); ++i) name = fmt::format("{}{}-{}", checkpoint.string(), kDamaged, i);
  fs::rename(checkpoint, name);
  return name;
}

void commit_checkpoint(const fs::path& run, int64_t step, const KeptCheckpoints& kept,
                       const std::function<void(const fs::path& folder)>& fill) {
  const fs::path path = checkpoint_path(run, step), partial = partial_of(path);
  clear_checkpoint(partial);
  make_folder(partial);
  try {
    fill(partial);
  } catch (...) {
    try {
      clear_checkpoint(partial);
    } catch (const std::exception&) {  // the first error is the one to tell
    }
    throw;
  }
  if (fs::exists(path)) {  // incomplete: a resumed run begins after the newest complete checkpoint
    require(!is_complete(path), "{}: this checkpoint exists already", path.string());
    set_aside(path);
  }
  commit_folder(partial, path);
  link_checkpoints(run, kept.best);
  const auto entries = list_checkpoints(run);
  const size_t newest = kept.newest == 0 ? entries.size() : static_cast<size_t>(kept.newest);
  for (size_t i = 0; i + newest < entries.size(); ++i) {
    if (entries[i].step != kept.best) remove_checkpoint(entries[i].path);
  }
}

}  // namespace t6
