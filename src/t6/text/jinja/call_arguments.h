// Arguments of calls of functions, methods, filters and tests.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

// They are looked up one by one.
inline constexpr size_t kMostKeywords = 1000;

struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};

// Arguments as parameters with names. A parameter with the name "" can be given by position alone.
class Parameters {
 public:
  // Error: one of the first `required` is missing, one is given twice, or there are others.
  Parameters(std::string_view function, const CallArguments& arguments, std::initializer_list<std::string_view> names,
             size_t required = 0);

  const Value* find(size_t i) const { return values_[i]; }  // nullptr: not given
  const Value& at(size_t i) const { return *values_[i]; }   // of those required
  // The fallback when not given. Error: of another type.
  int64_t integer(size_t i, int64_t fallback) const;
  bool boolean(size_t i, bool fallback) const;  // of anything
  std::string text(size_t i, std::string_view fallback) const;
  // Null when not given or None.
  const Value* given(size_t i) const { return values_[i] == nullptr || values_[i]->is_none() ? nullptr : values_[i]; }

 private:
  std::string_view function_;
  std::vector<const Value*> values_;
};

}  // namespace t6::jinja
