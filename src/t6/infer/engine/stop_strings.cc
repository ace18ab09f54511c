#include "t6/infer/engine/stop_strings.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"

namespace t6 {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  for (const std::string& text : strings_) require(!text.empty(), "a stop string must not be empty");
}

std::string StopStrings::push(std::string_view piece) {
  if (found_) return {};
  held_ += piece;
  size_t end = std::string::npos;
  for (const std::string& text : strings_) end = std::min(end, held_.find(text));
  if (end != std::string::npos) {
    found_ = true;
    held_.resize(end);
    return std::exchange(held_, {});
  }
  size_t kept = 0;
  for (const std::string& text : strings_) {
    for (size_t size = std::min(text.size() - 1, held_.size()); size > kept; --size) {
      if (std::string_view(held_).substr(held_.size() - size) == std::string_view(text).substr(0, size)) kept = size;
    }
  }
  std::string shown = held_.substr(0, held_.size() - kept);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopStrings::finish() { return std::exchange(held_, {}); }

}  // namespace t6
