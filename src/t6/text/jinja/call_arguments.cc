#include "t6/text/jinja/call_arguments.h"

#include <algorithm>

#include "t6/text/jinja/arithmetic.h"

namespace t6::jinja {

Parameters::Parameters(std::string_view function, const CallArguments& arguments,
                       std::initializer_list<std::string_view> names, size_t required)
    : function_(function), values_(names.size()) {
  require(arguments.positional.size() <= names.size(), "{} takes at most {} arguments, not {}", function, names.size(),
          arguments.positional.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.keywords) {
    const auto* found = std::find(names.begin(), names.end(), name);
    require(found != names.end() && !name.empty(), "{} has no parameter '{}'", function, name);
    const Value*& place = values_[static_cast<size_t>(found - names.begin())];
    require(place == nullptr, "{} has two values for '{}'", function, name);
    place = &value;
  }
  const bool all = std::all_of(values_.begin(), values_.begin() + static_cast<ptrdiff_t>(required),
                               [](const Value* value) { return value != nullptr; });
  require(all, "{} needs {} arguments", function, required);
}

int64_t Parameters::integer(size_t i, int64_t fallback) const {
  if (values_[i] == nullptr) return fallback;
  require_defined(*values_[i]);
  int64_t integer = 0;
  require(to_integer(*values_[i], &integer), "{} needs an integer, not a '{}'", function_, type_name(*values_[i]));
  return integer;
}

bool Parameters::boolean(size_t i, bool fallback) const {
  return values_[i] == nullptr ? fallback : truth(*values_[i]);
}

std::string Parameters::text(size_t i, std::string_view fallback) const {
  if (values_[i] == nullptr) return std::string(fallback);
  const Text* text = values_[i]->text();
  require(text != nullptr, "{} needs a string, not a '{}'", function_, type_name(*values_[i]));
  return text->bytes;
}

}  // namespace t6::jinja
