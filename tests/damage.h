// Damaged copies of a file: a reader must refuse each with an Error or read it as if nothing were wrong.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "t6/core/error.h"
#include "tests/memory_file.h"

namespace t6 {

// Calls read(path) for `content` cut short at every `step`-th byte below `end`, and with that byte replaced in three
// ways. Anything but an Error, a crash above all, fails the test.
template <typename Read>
void expect_errors_or_success(const std::string& content, size_t end, size_t step, Read&& read) {
  const auto attempt = [&](const std::string& damaged, size_t at) {
    const MemoryFile file(damaged);
    try {
      read(file.path());
    } catch (const Error&) {
    } catch (const std::exception& other) {
      ADD_FAILURE() << "damaged at byte " << at << ": " << other.what();
    }
  };
  for (size_t at = 0; at < end; at += step) {
    attempt(content.substr(0, at), at);
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      attempt(damaged, at);
    }
  }
}

}  // namespace t6
