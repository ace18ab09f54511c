#include "t6/core/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace t6 {
namespace {

namespace fs = std::filesystem;

// Those files are no files that could be mapped, and what is not there means no limit.
std::optional<double> ratio(double quota, double period) {
  return quota > 0 && period > 0 ? std::optional(quota / period) : std::nullopt;
}

// "200000 100000", or "max 100000"
std::optional<double> quota_of_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period ? ratio(quota, period) : std::nullopt;
}

// -1: no limit
std::optional<double> quota_of_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? ratio(quota, period) : std::nullopt;
}

// Of `group`, a path below `mount`, and all above it. In a container the path may be one of the host that is not there.
template <typename Read>
void take_least(std::optional<double>& least, const fs::path& mount, const fs::path& group, const Read& read) {
  for (fs::path path = group.relative_path();; path = path.parent_path()) {
    if (const auto quota = read(mount / path)) least = least ? std::min(*least, *quota) : *quota;
    if (path.empty()) return;
  }
}

bool has_controller(const std::string& controllers, const std::string& wanted) {
  return ("," + controllers + ",").find("," + wanted + ",") != std::string::npos;
}

}  // namespace

std::optional<double> cpu_quota(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  std::optional<double> least;
  // NUMBER:CONTROLLERS:PATH; version 2 has the number 0 and no controllers.
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) take_least(least, mount, path, quota_of_v2);
    if (!has_controller(controllers, "cpu")) continue;
    for (const char* name : {"cpu", "cpu,cpuacct"}) take_least(least, mount / name, path, quota_of_v1);
  }
  return least;
}

}  // namespace t6
