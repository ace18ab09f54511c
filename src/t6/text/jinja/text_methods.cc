// The methods of Python's str.
#include <algorithm>
#include <iterator>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/attributes.h"
#include "t6/text/jinja/escape.h"
#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/format_spec.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/text_call.h"
#include "t6/text/jinja/text_predicates.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

std::optional<std::string_view> optional_text(const Parameters& parameters, size_t i, std::string_view name) {
  const Value* value = parameters.given(i);
  if (value == nullptr) return std::nullopt;
  require(value->text() != nullptr, "{} needs a string or None, not a '{}'", name, type_name(*value));
  return value->text()->bytes;
}

Value stripped(const TextCall& call, bool left, bool right) {
  const Parameters parameters(call.name, call.arguments, {""});
  return call.text(strip(call.self.bytes, left, right, optional_text(parameters, 0, call.name)));
}
Value do_strip(const TextCall& call) { return stripped(call, true, true); }
Value do_lstrip(const TextCall& call) { return stripped(call, true, false); }
Value do_rstrip(const TextCall& call) { return stripped(call, false, true); }

Value do_split(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"sep", "maxsplit"});
  const auto separator = optional_text(parameters, 0, call.name);
  const int64_t count = std::max<int64_t>(parameters.integer(1, -1), -1);
  return call.texts(call.name == "split" ? split(call.self.bytes, separator, count, call.runtime)
                                         : split_from_right(call.self.bytes, separator, count, call.runtime));
}

Value do_splitlines(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"keepends"});
  return call.texts(split_lines(call.self.bytes, parameters.boolean(0, false), call.runtime));
}

Value do_partition(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const std::string separator = parameters.text(0, "");
  require(!separator.empty(), "empty separator");
  const std::string& text = call.self.bytes;
  const bool first = call.name == "partition";
  const size_t at = first ? find_text(text, separator, 0) : find_last(text, separator);
  std::vector<std::string> parts = {text, "", ""};
  if (at != std::string::npos) {
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  } else if (!first) {
    std::swap(parts[0], parts[2]);
  }
  return call.texts(parts, List::Type::tuple);
}

Value do_replace(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 2);
  const std::string old_part = parameters.text(0, "");
  std::string new_part = parameters.text(1, "");
  if (call.self.markup) new_part = escape_unless_markup(*parameters.at(1).text());
  return call.text(
      replace(call.self.bytes, old_part, new_part, std::max<int64_t>(parameters.integer(2, -1), -1), call.runtime));
}

Value do_join(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  std::string out;
  const std::unique_ptr<Source> source = call.runtime->iterate(parameters.at(0));
  bool first = true;
  bool markup = call.self.markup;
  for (Value item; source->next(&item); first = false) {
    require(item.text() != nullptr || markup, "join needs strings, not a '{}'", type_name(item));
    if (!first) out += call.self.bytes;
    out += !markup ? item.text()->bytes : item.text() != nullptr ? escape_unless_markup(*item.text()) : "";
    call.runtime->check_text(out.size());
  }
  return call.text(out);
}

Value do_remove_affix(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const std::string affix = parameters.text(0, "");
  std::string_view text = call.self.bytes;
  if (call.name == "removeprefix" && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (call.name == "removesuffix" && text.ends_with(affix)) text.remove_suffix(affix.size());
  return call.text(text);
}

Value do_justify(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"", ""}, 1);
  const int64_t width = parameters.integer(0, 0);
  const std::string fill = parameters.text(1, " ");
  require(count_code_points(fill) == 1, "The fill character must be exactly one character long");
  const std::string& text = call.self.bytes;
  if (call.name == "center") return call.text(center(text, width, fill, call.runtime));
  const int64_t missing = std::max<int64_t>(width - call.self.length, 0);
  call.runtime->check_product(static_cast<int64_t>(fill.size()), missing);
  std::string padding;
  for (int64_t i = 0; i < missing; ++i) padding += fill;
  return call.text(call.name == "ljust" ? text + padding : padding + text);
}

Value do_zfill(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const int64_t missing = std::max<int64_t>(parameters.integer(0, 0) - call.self.length, 0);
  call.runtime->check_text(static_cast<size_t>(missing));
  std::string text = call.self.bytes;
  const bool sign = text.starts_with('-') || text.starts_with('+');
  text.insert(sign ? 1 : 0, static_cast<size_t>(missing), '0');
  return call.text(text);
}

Value do_expandtabs(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"tabsize"});
  const int64_t size = parameters.integer(0, 8);
  call.runtime->check_text(static_cast<size_t>(std::max<int64_t>(size, 0)));
  std::string out;
  int64_t column = 0;
  for (size_t at = 0; at < call.self.bytes.size();) {
    const char32_t point = next_code_point(call.self.bytes, &at);
    if (point != '\t') {
      append_code_point(&out, point);
      column = point == '\n' || point == '\r' ? 0 : column + 1;
    } else if (size > 0) {
      out.append(static_cast<size_t>(size - column % size), ' ');
      column += size - column % size;
    }
    call.runtime->check_text(out.size());
  }
  return call.text(out);
}

Value do_case(const TextCall& call) {
  call.no_arguments();
  const std::string& text = call.self.bytes;
  if (call.name == "upper") return call.text(upper(text));
  if (call.name == "lower") return call.text(lower(text));
  if (call.name == "title") return call.text(title(text));
  if (call.name == "capitalize") return call.text(capitalize(text));
  return call.text(call.name == "swapcase" ? swapcase(text) : casefold(text));
}

Value do_predicate(const TextCall& call) {
  call.no_arguments();
  return Value(text_predicate(call.name, call.self.bytes));
}

FormatFields fields_of(const TextCall& call, const CallArguments& arguments, const Value* mapping) {
  FormatFields fields;
  fields.positional = [&arguments](size_t index) {
    require(index < arguments.positional.size(), "Replacement index {} out of range for positional args tuple", index);
    return arguments.positional[index];
  };
  fields.named = [&arguments, mapping, runtime = call.runtime](const std::string& name) {
    if (mapping != nullptr) {
      const Dict* dict = mapping->dict();
      const Value* value = dict == nullptr ? nullptr : dict->find(std::string_view(name));
      require(value != nullptr, "no key '{}' to format", name);
      return *value;
    }
    for (const auto& [keyword, value] : arguments.keywords) {
      if (keyword == name) return value;
    }
    fail("no key '{}' to format", name);
  };
  fields.attribute = [runtime = call.runtime](const Value& value, const std::string& name) {
    return get_attribute(value, name, runtime);
  };
  fields.item = [runtime = call.runtime](const Value& value, const Value& index) {
    return get_item(value, index, runtime);
  };
  return fields;
}

Value do_format(const TextCall& call) {
  return format_text(call.self, fields_of(call, call.arguments, nullptr), call.runtime);
}

Value do_format_map(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const CallArguments none;
  return format_text(call.self, fields_of(call, none, &parameters.at(0)), call.runtime);
}

Value do_strip_tags(const TextCall& call) {
  call.no_arguments();
  return call.runtime->text(strip_tags(call.self.bytes));
}

struct NamedMethod {
  std::string_view name;
  Value (*run)(const TextCall& call);
};
constexpr NamedMethod kMethods[] = {{"strip", do_strip},
                                    {"lstrip", do_lstrip},
                                    {"rstrip", do_rstrip},
                                    {"split", do_split},
                                    {"rsplit", do_split},
                                    {"splitlines", do_splitlines},
                                    {"partition", do_partition},
                                    {"rpartition", do_partition},
                                    {"find", find_in_text},
                                    {"rfind", find_in_text},
                                    {"index", find_in_text},
                                    {"rindex", find_in_text},
                                    {"count", count_in_text},
                                    {"startswith", starts_or_ends},
                                    {"endswith", starts_or_ends},
                                    {"replace", do_replace},
                                    {"join", do_join},
                                    {"removeprefix", do_remove_affix},
                                    {"removesuffix", do_remove_affix},
                                    {"center", do_justify},
                                    {"ljust", do_justify},
                                    {"rjust", do_justify},
                                    {"zfill", do_zfill},
                                    {"expandtabs", do_expandtabs},
                                    {"upper", do_case},
                                    {"lower", do_case},
                                    {"title", do_case},
                                    {"capitalize", do_case},
                                    {"swapcase", do_case},
                                    {"casefold", do_case},
                                    {"format", do_format},
                                    {"format_map", do_format_map},
                                    {"striptags", do_strip_tags}};

}  // namespace

Value call_text_method(const Method& method, const CallArguments& arguments, Runtime* runtime) {
  const Text& self = *method.self.text();
  runtime->charge(static_cast<int64_t>(self.bytes.size() / 16));
  const TextCall call{self, method.name, arguments, runtime};
  if (method.name.starts_with("is")) return do_predicate(call);
  const auto* found = std::find_if(std::begin(kMethods), std::end(kMethods),
                                   [&](const NamedMethod& candidate) { return candidate.name == method.name; });
  require(found != std::end(kMethods), "the method {} of strings is not supported", method.name);
  return found->run(call);
}

}  // namespace t6::jinja
