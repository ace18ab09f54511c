// The methods of Python's str.
#include <algorithm>
#include <iterator>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/attributes.h"
#include "t6/text/jinja/escape.h"
#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/format_spec.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/text_predicates.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

struct Call {
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

std::optional<std::string_view> optional_text(const Parameters& parameters, size_t i, std::string_view name) {
  const Value* value = parameters.given(i);
  if (value == nullptr) return std::nullopt;
  require(value->text() != nullptr, "{} needs a string or None, not a '{}'", name, type_name(*value));
  return value->text()->bytes;
}

Value stripped(const Call& call, bool left, bool right) {
  const Parameters parameters(call.name, call.arguments, {""});
  return call.text(strip(call.self.bytes, left, right, optional_text(parameters, 0, call.name)));
}
Value do_strip(const Call& call) { return stripped(call, true, true); }
Value do_lstrip(const Call& call) { return stripped(call, true, false); }
Value do_rstrip(const Call& call) { return stripped(call, false, true); }

Value do_split(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"sep", "maxsplit"});
  const auto separator = optional_text(parameters, 0, call.name);
  const int64_t count = std::max<int64_t>(parameters.integer(1, -1), -1);
  return call.texts(call.name == "split" ? split(call.self.bytes, separator, count, call.runtime)
                                         : split_from_right(call.self.bytes, separator, count, call.runtime));
}

Value do_splitlines(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"keepends"});
  return call.texts(split_lines(call.self.bytes, parameters.boolean(0, false), call.runtime));
}

Value do_partition(const Call& call) {
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

// The part of the text that the optional start and end choose, and where it begins.
struct Window {
  std::string_view text;
  int64_t start = 0;
  bool empty_range = false;  // start > end: nothing is found, not even ""
};

int64_t window_bound(const Parameters& parameters, size_t i, int64_t fallback, int64_t length) {
  if (parameters.given(i) == nullptr) return fallback;
  const int64_t index = parameters.integer(i, 0);
  return index < 0 ? std::max<int64_t>(index + length, 0) : index;
}

Window window(const Call& call, const Parameters& parameters) {
  const int64_t start = window_bound(parameters, 1, 0, call.self.length);
  const int64_t end = std::min(window_bound(parameters, 2, call.self.length, call.self.length), call.self.length);
  if (start > end) return {"", start, true};
  const size_t begin = byte_offset(call.self.bytes, start);
  const std::string_view rest = std::string_view(call.self.bytes).substr(begin);
  return {rest.substr(0, byte_offset(rest, end - start)), start, false};
}

Value do_find(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 1);
  const std::string part = parameters.text(0, "");
  const Window where = window(call, parameters);
  const bool last = call.name.starts_with('r');
  const size_t at = where.empty_range ? std::string::npos
                    : last            ? find_last(where.text, part)
                                      : find_text(where.text, part, 0);
  if (at != std::string::npos) return Value(where.start + count_code_points(where.text.substr(0, at)));
  require(!call.name.ends_with("index"), "substring not found");
  return Value(int64_t{-1});
}

Value do_count(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 1);
  const std::string part = parameters.text(0, "");
  const Window where = window(call, parameters);
  if (where.empty_range) return Value(int64_t{0});
  if (part.empty()) return Value(count_code_points(where.text) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = find_text(where.text, part, at)) != std::string::npos; at += part.size()) ++count;
  return Value(count);
}

Value do_starts_or_ends(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 1);
  const Window where = window(call, parameters);
  const auto fits = [&](const Value& part) {
    require(part.text() != nullptr, "{} needs strings, not a '{}'", call.name, type_name(part));
    const std::string& bytes = part.text()->bytes;
    return !where.empty_range &&
           (call.name == "startswith" ? where.text.starts_with(bytes) : where.text.ends_with(bytes));
  };
  const List* parts = parameters.at(0).list();
  if (parts == nullptr || !parts->tuple()) return Value(fits(parameters.at(0)));
  return Value(std::any_of(parts->items.begin(), parts->items.end(), fits));
}

Value do_replace(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 2);
  const std::string old_part = parameters.text(0, "");
  std::string new_part = parameters.text(1, "");
  if (call.self.markup) new_part = escape_unless_markup(*parameters.at(1).text());
  return call.text(
      replace(call.self.bytes, old_part, new_part, std::max<int64_t>(parameters.integer(2, -1), -1), call.runtime));
}

Value do_join(const Call& call) {
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

Value do_remove_affix(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const std::string affix = parameters.text(0, "");
  std::string_view text = call.self.bytes;
  if (call.name == "removeprefix" && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (call.name == "removesuffix" && text.ends_with(affix)) text.remove_suffix(affix.size());
  return call.text(text);
}

Value do_justify(const Call& call) {
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

Value do_zfill(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const int64_t missing = std::max<int64_t>(parameters.integer(0, 0) - call.self.length, 0);
  call.runtime->check_text(static_cast<size_t>(missing));
  std::string text = call.self.bytes;
  const bool sign = text.starts_with('-') || text.starts_with('+');
  text.insert(sign ? 1 : 0, static_cast<size_t>(missing), '0');
  return call.text(text);
}

Value do_expandtabs(const Call& call) {
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

Value do_case(const Call& call) {
  call.no_arguments();
  const std::string& text = call.self.bytes;
  if (call.name == "upper") return call.text(upper(text));
  if (call.name == "lower") return call.text(lower(text));
  if (call.name == "title") return call.text(title(text));
  if (call.name == "capitalize") return call.text(capitalize(text));
  return call.text(call.name == "swapcase" ? swapcase(text) : casefold(text));
}

Value do_predicate(const Call& call) {
  call.no_arguments();
  return Value(text_predicate(call.name, call.self.bytes));
}

FormatFields fields_of(const Call& call, const CallArguments& arguments, const Value* mapping) {
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

Value do_format(const Call& call) {
  return format_text(call.self, fields_of(call, call.arguments, nullptr), call.runtime);
}

Value do_format_map(const Call& call) {
  const Parameters parameters(call.name, call.arguments, {""}, 1);
  const CallArguments none;
  return format_text(call.self, fields_of(call, none, &parameters.at(0)), call.runtime);
}

Value do_strip_tags(const Call& call) {
  call.no_arguments();
  return call.runtime->text(strip_tags(call.self.bytes));
}

struct NamedMethod {
  std::string_view name;
  Value (*run)(const Call& call);
};
constexpr NamedMethod kMethods[] = {{"strip", do_strip},
                                    {"lstrip", do_lstrip},
                                    {"rstrip", do_rstrip},
                                    {"split", do_split},
                                    {"rsplit", do_split},
                                    {"splitlines", do_splitlines},
                                    {"partition", do_partition},
                                    {"rpartition", do_partition},
                                    {"find", do_find},
                                    {"rfind", do_find},
                                    {"index", do_find},
                                    {"rindex", do_find},
                                    {"count", do_count},
                                    {"startswith", do_starts_or_ends},
                                    {"endswith", do_starts_or_ends},
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
  const Call call{self, method.name, arguments, runtime};
  if (method.name.starts_with("is")) return do_predicate(call);
  const auto* found = std::find_if(std::begin(kMethods), std::end(kMethods),
                                   [&](const NamedMethod& candidate) { return candidate.name == method.name; });
  require(found != std::end(kMethods), "the method {} of strings is not supported", method.name);
  return found->run(call);
}

}  // namespace t6::jinja
