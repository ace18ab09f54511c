// What xgrammar says on its way: its failures as Errors, its warnings kept, since each tells of something that is not
// enforced.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t6 {

inline constexpr size_t kLongestQuote = 80, kLongestMessage = 400;  // bytes

// Text of unknown origin in a message: valid UTF-8 of a bounded length.
std::string quotable(std::string_view text, size_t longest = kLongestQuote);

// The warnings on this thread while it lives. Not nested.
class Warnings {
 public:
  Warnings();
  ~Warnings();
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  // Error: there was one.
  void require_none() const;
};

}  // namespace t6
