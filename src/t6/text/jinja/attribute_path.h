// The parameter `attribute` of filters: "name", "a.b.0" or an index, and where to look it up.
#pragma once

#include <vector>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

class AttributePath {
 public:
  // Null or None: the item itself.
  explicit AttributePath(const Value* attribute);
  // Several with commas between them.
  static std::vector<AttributePath> several(const Value* attribute);

  // `fallback`, unless null, replaces what is undefined on the way.
  Value of(const Value& item, Runtime* runtime, const Value* fallback = nullptr) const;

 private:
  AttributePath() = default;
  std::vector<Value> parts_;
};

// Texts in lower case, other values as they are.
Value ignore_case(const Value& value, Runtime* runtime);

}  // namespace t6::jinja
