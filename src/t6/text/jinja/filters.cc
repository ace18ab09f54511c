#include "t6/text/jinja/filters.h"

#include <algorithm>

#include "t6/text/jinja/filter_call.h"

namespace t6::jinja {
namespace {

const NamedFilter* find_filter(std::string_view name) {
  for (const auto& table :
       {text_filters(), layout_filters(), number_filters(), sequence_filters(), selection_filters(), order_filters()}) {
    const auto* found =
        std::find_if(table.begin, table.end, [&](const NamedFilter& filter) { return filter.name == name; });
    if (found != table.end) return found;
  }
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) { return find_filter(name) != nullptr; }

Value call_filter(std::string_view name, const Value& value, const CallArguments& arguments, Runtime* runtime) {
  const NamedFilter* filter = find_filter(name);
  require(filter != nullptr, "no filter named '{}'", name);
  if (const Text* text = value.text()) runtime->charge(static_cast<int64_t>(text->bytes.size() / 16));
  return filter->run({name, value, arguments, runtime});
}

}  // namespace t6::jinja
