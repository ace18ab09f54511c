#include "t6/compare/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <thread>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/stopwatch.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = "comparison.json";
constexpr const char* kMarkKey = "t6_comparison";

bool is_comparison(const fs::path& folder) {
  const fs::path mark = folder / kMark;
  if (!fs::is_regular_file(mark)) return false;
  const Json json = Json::parse(read_text(mark), nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains(kMarkKey);
}

// Of a file or folder. Below 0: somebody else holds it.
int lock(const fs::path& path, int kind = LOCK_EX) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(descriptor >= 0, "{}: cannot open: {}", path.string(), std::strerror(errno));
  if (::flock(descriptor, kind | LOCK_NB) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

// The first line in which two texts differ, as "A, now B".
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream old_lines(before), new_lines(now);
  for (std::string a, b;;) {
    const bool more = static_cast<bool>(std::getline(old_lines, a)),
               more_now = static_cast<bool>(std::getline(new_lines, b));
    if (!more && !more_now) return "nothing";
    if (!more || !more_now || a != b) return fmt::format("\"{}\", now \"{}\"", more ? a : "", more_now ? b : "");
  }
}

}  // namespace

RunClaim::~RunClaim() {
  if (lock_ >= 0) ::close(lock_);
}

ComparisonFolder::ComparisonFolder(const fs::path& path, Workers workers) : path_(path), workers_(workers) {
  const bool own = is_comparison(path);
  require(own || !path_exists(path) || (fs::is_directory(path) && fs::is_empty(path)),
          "{}: is there already and is no comparison's folder; name another one with --out", path.string());
  make_folder(path);
  lock_ = lock(path, is_shared() ? LOCK_SH : LOCK_EX);
  require(lock_ >= 0, "{}: another process works on this comparison", path.string());
  if (!own) write_json(path / kMark, {{kMarkKey, 1}});
  make_folder(path / "runs");
}

ComparisonFolder::~ComparisonFolder() { ::close(lock_); }

void ComparisonFolder::wait_until_made(const fs::path& path, const Plan& plan, double seconds) {
  const auto made = [&] {
    const auto has_file = [&](const ComparisonRun& run) { return path_exists(path / "runs" / (run.name + ".toml")); };
    return is_comparison(path) && std::ranges::all_of(plan.runs, has_file);
  };
  for (const Stopwatch waited; !made();) {
    require(waited.seconds() < seconds, "{}: no process has made this comparison's folder within {:.0f} s",
            path.string(), seconds);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::optional<RunClaim> ComparisonFolder::claim(const ComparisonRun& run) const {
  const int held = lock(run_file(run));
  return held < 0 ? std::nullopt : std::optional<RunClaim>(RunClaim(held));
}

fs::path ComparisonFolder::run_file(const ComparisonRun& one) const { return run(one).string() + ".toml"; }
fs::path ComparisonFolder::log_file(const ComparisonRun& one) const { return run(one).string() + ".log"; }

void ComparisonFolder::write_run_files(const Plan& plan) const {
  for (const ComparisonRun& one : plan.runs) {
    if (!path_exists(run_file(one))) continue;
    const std::string before = read_text(run_file(one)), now = run_toml(plan, one);
    require(before == now, "{}: this run was begun with other settings: {}; name another folder with --out",
            run_file(one).string(), first_difference(before, now));
  }
  for (const ComparisonRun& one : plan.runs) {
    if (!path_exists(run_file(one))) write_text(run_file(one), run_toml(plan, one));
  }
}

std::optional<std::string> ComparisonFolder::divergence(const ComparisonRun& one) const {
  const fs::path file = run(one).string() + ".diverged";
  return path_exists(file) ? std::optional(read_text(file)) : std::nullopt;
}

void ComparisonFolder::note_divergence(const ComparisonRun& one, const std::string& message) const {
  write_text(run(one).string() + ".diverged", message + "\n");
}

bool ComparisonFolder::wait_until_free(const ComparisonRun& one, double seconds) const {
  if (!fs::is_directory(run(one))) return true;
  for (const Stopwatch waited; waited.seconds() < seconds;) {
    if (const int held = lock(run(one)); held >= 0) {
      ::close(held);
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

}  // namespace t6
