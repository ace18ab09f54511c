#include "t6/serve/api/service.h"

#include <fmt/format.h>

#include <random>

namespace t6 {

// The system's own random numbers, which nobody can foretell: an id may open a conversation's cache.
std::string new_id(const std::string& prefix) {
  std::random_device random;
  return fmt::format("{}{:08x}{:08x}{:08x}{:08x}", prefix, random(), random(), random(), random());
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace t6
