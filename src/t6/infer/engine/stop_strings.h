// Ends a stream of text at the first of some strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t6 {

class StopStrings {
 public:
  // Error: an empty string.
  explicit StopStrings(std::vector<std::string> strings);

  // Takes the next piece and returns what may be shown: the text up to the first stop string, and of the rest what
  // cannot be the beginning of one. After a stop string was found, nothing. A piece that is not `shown`, as a special
  // token's name, is part of the text for stop strings alone.
  std::string push(std::string_view piece, bool shown = true);
  // The text held back, when no more comes.
  std::string finish();
  bool found() const { return !found_.empty(); }
  const std::string& found_string() const { return found_; }  // empty: none yet

 private:
  std::vector<std::string> strings_;
  // The first `count` bytes of what is held, those that are shown.
  std::string take(size_t count);

  std::string held_;
  std::vector<bool> shown_;  // of each byte of held_
  std::string found_;
};

}  // namespace t6
