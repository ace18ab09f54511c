#include "t6/bench/machine.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <fstream>
#include <limits>
#include <optional>
#include <vector>

#include "t6/bench/timing.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"

namespace t6 {
namespace {

// What follows "KEY:" in a file of /proc.
std::optional<std::string> system_field(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':');
    const size_t value = line.find_first_not_of(" \t", colon == std::string::npos ? colon : colon + 1);
    if (value != std::string::npos) return line.substr(value);
  }
  return {};
}

std::optional<int64_t> system_kibibytes(const char* path, const std::string& key) {
  const auto text = system_field(path, key);
  return text ? std::optional<int64_t>(int64_t{1024} * std::atoll(text->c_str())) : std::nullopt;
}

}  // namespace

std::string processor_name() { return system_field("/proc/cpuinfo", "model name").value_or("unknown"); }

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

int64_t available_memory() {
  return system_kibibytes("/proc/meminfo", "MemAvailable").value_or(std::numeric_limits<int64_t>::max());
}

std::string memory_shortage(int64_t bytes) {
  // A fifth stays for everybody else.
  const int64_t available = available_memory();
  if (bytes <= available / 5 * 4) return {};
  return fmt::format("it needs {}, and {} are free", format_bytes(static_cast<double>(bytes)),
                     format_bytes(static_cast<double>(available)));
}

int64_t resident_memory() {
  // VmRSS may be some pages for each processor behind; this counts them.
  const auto exact = system_kibibytes("/proc/self/smaps_rollup", "Rss");
  return exact ? *exact : system_kibibytes("/proc/self/status", "VmRSS").value_or(0);
}

int64_t peak_memory() { return system_kibibytes("/proc/self/status", "VmHWM").value_or(0); }

double memory_read_rate(const Threads& threads) {
  // Several times what the last cache holds, which is no more than this on any machine that does not say.
  const int64_t cache = std::max<int64_t>(sysconf(_SC_LEVEL3_CACHE_SIZE), int64_t{64} << 20);
  const int64_t count = threads.count(), share = 4 * cache / count;
  const std::vector<char> zeros(static_cast<size_t>(count * share));
  std::atomic<bool> found = false;
  const Timing timing = time_runs(
      [&] {
        threads.parallel_for(count, 1, [&](int64_t begin, int64_t end) {
          // Looking for what is not there reads everything, with the widest vectors that the machine has.
          const char* from = zeros.data() + begin * share;
          if (std::memchr(from, 1, static_cast<size_t>((end - begin) * share))) found = true;
        });
      },
      0.5);
  require(!found, "the rate of reading memory was not measured");
  return static_cast<double>(count * share) / timing.best_s;
}

}  // namespace t6
