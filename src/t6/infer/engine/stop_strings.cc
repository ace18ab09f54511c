#include "t6/infer/engine/stop_strings.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "t6/core/error.h"

namespace t6 {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  for (const std::string& text : strings_) require(!text.empty(), "a stop string must not be empty");
}

std::string StopStrings::take(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    if (shown_[i]) text += held_[i];
  }
  held_.erase(0, count);
  shown_.erase(shown_.begin(), shown_.begin() + static_cast<std::ptrdiff_t>(count));
  return text;
}

std::string StopStrings::push(std::string_view piece, bool shown) {
  if (found()) return {};
  held_ += piece;
  shown_.resize(held_.size(), shown);
  size_t end = std::string::npos;
  for (const std::string& text : strings_) {
    const size_t place = held_.find(text);
    if (place >= end) continue;
    end = place;
    found_ = text;
  }
  if (found()) {
    std::string text = take(end);
    held_.clear();
    shown_.clear();
    return text;
  }
  size_t kept = 0;
  for (const std::string& text : strings_) {
    for (size_t size = std::min(text.size() - 1, held_.size()); size > kept; --size) {
      if (std::string_view(held_).substr(held_.size() - size) == std::string_view(text).substr(0, size)) kept = size;
    }
  }
  return take(held_.size() - kept);
}

std::string StopStrings::finish() { return take(held_.size()); }

}  // namespace t6
