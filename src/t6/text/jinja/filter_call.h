// What filters get, and the tables in which they stand.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

struct FilterCall {
  std::string_view name;
  const Value& value;
  const CallArguments& arguments;
  Runtime* runtime;

  Parameters parameters(std::initializer_list<std::string_view> names, size_t required = 0) const {
    return Parameters(name, arguments, names, required);
  }
};

// The type of what finds its items late, as Python names it.
inline constexpr std::string_view kGenerator = "generator";

struct NamedFilter {
  std::string_view name;
  Value (*run)(const FilterCall& call);
};
struct FilterTable {
  const NamedFilter* begin;
  const NamedFilter* end;
};

FilterTable text_filters();
FilterTable layout_filters();
FilterTable number_filters();
FilterTable sequence_filters();
FilterTable selection_filters();
FilterTable order_filters();

// Python's len.
int64_t length_of(const Value& value);
// The value as a text of its own kind: markup stays markup.
Value soft_text(const Value& value, Runtime* runtime);

}  // namespace t6::jinja
