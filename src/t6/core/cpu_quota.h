// How much processor time the control groups that a process is in allow it, as containers are limited.
#pragma once

#include <filesystem>
#include <optional>

namespace t6 {

// In processors: 1.5 is three seconds of work in two. The least of the process's own group and those above it, of
// version 2 (cpu.max) or 1 (cpu.cfs_quota_us). Nothing: no limit, or none that can be read. `root` is where /proc and
// /sys are.
std::optional<double> cpu_quota(const std::filesystem::path& root = "/");

}  // namespace t6
