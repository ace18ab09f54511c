// What methods of strings get.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

struct TextCall {
  const Text& self;
  std::string_view name;
  const CallArguments& arguments;
  Runtime* runtime;

  Value text(std::string_view bytes) const { return runtime->text(std::string(bytes), self.markup); }
  Value texts(const std::vector<std::string>& parts, List::Type type = List::Type::list) const {
    std::vector<Value> items;
    for (const std::string& part : parts) items.push_back(runtime->text(part, self.markup));
    return runtime->list(std::move(items), type);
  }
  void no_arguments() const { const Parameters none(name, arguments, {}); }
};

// find, rfind, index and rindex; count; startswith and endswith.
Value find_in_text(const TextCall& call);
Value count_in_text(const TextCall& call);
Value starts_or_ends(const TextCall& call);

}  // namespace t6::jinja
