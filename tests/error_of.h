// The message of the Error that an action throws, for tests that look at several words of it.
#pragma once

#include <string>

#include "t6/core/error.h"

namespace t6 {

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace t6
