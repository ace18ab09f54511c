#include "t6/serve/api/service.h"

#include <fmt/format.h>

#include <random>

namespace t6 {

std::string new_id(const std::string& prefix) {
  thread_local std::mt19937_64 random{(uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
  const uint64_t high = random(), low = random();
  return fmt::format("{}{:016x}{:016x}", prefix, high, low);
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace t6
