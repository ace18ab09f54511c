// Filters that give text.
#include <algorithm>
#include <iterator>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/escape.h"
#include "t6/text/jinja/filter_call.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/percent_format.h"
#include "t6/text/jinja/pretty_print.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// The string's method of the same name.
Value text_method(const FilterCall& call, std::string_view method, const CallArguments& arguments) {
  return call_text_method({soft_text(call.value, call.runtime), method}, arguments, call.runtime);
}

Value do_case(const FilterCall& call) {
  call.parameters({});
  return text_method(call, call.name, {});
}

Value do_center(const FilterCall& call) {
  const Parameters parameters = call.parameters({"width"});
  return text_method(call, "center", {{Value(parameters.integer(0, 80))}, {}});
}

Value do_trim(const FilterCall& call) {
  const Parameters parameters = call.parameters({"chars"});
  return text_method(call, "strip", {{parameters.find(0) != nullptr ? parameters.at(0) : Value::none()}, {}});
}

bool splits_words(char32_t point) {
  return is_space(point) || point == '-' || point == '(' || point == '{' || point == '[' || point == '<';
}

// The pieces between and of separators, each with a capital.
Value do_title(const FilterCall& call) {
  call.parameters({});
  const Value text = soft_text(call.value, call.runtime);
  const std::string& bytes = text.text()->bytes;
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const size_t begin = at;
    const bool separator = splits_words(next_code_point(bytes, &at));
    const size_t first = at;
    for (size_t next = at; at < bytes.size() && splits_words(next_code_point(bytes, &next)) == separator;) at = next;
    out += upper(std::string_view(bytes).substr(begin, first - begin));
    out += lower(std::string_view(bytes).substr(first, at - first));
  }
  return call.runtime->text(std::move(out));
}

Value do_string(const FilterCall& call) {
  call.parameters({});
  return soft_text(call.value, call.runtime);
}

Value do_safe(const FilterCall& call) {
  call.parameters({});
  return call.runtime->text(str(call.value, call.runtime), true);
}

Value do_escape(const FilterCall& call) {
  call.parameters({});
  const Text* text = call.value.text();
  if (text != nullptr && text->markup && call.name != "forceescape") return call.value;
  return call.runtime->text(escape_html(str(call.value, call.runtime)), true);
}

Value do_striptags(const FilterCall& call) {
  call.parameters({});
  return call.runtime->text(strip_tags(str(call.value, call.runtime)));
}

Value do_replace(const FilterCall& call) {
  const Parameters parameters = call.parameters({"old", "new", "count"}, 2);
  const int64_t count = parameters.given(2) == nullptr ? -1 : std::max<int64_t>(parameters.integer(2, -1), -1);
  const auto text = [&](const Value& value) { return str(value, call.runtime); };
  return call.runtime->text(
      replace(text(call.value), text(parameters.at(0)), text(parameters.at(1)), count, call.runtime));
}

Value do_format(const FilterCall& call) {
  const CallArguments& given = call.arguments;
  require(given.positional.empty() || given.keywords.empty(), "format has values and named values at the same time");
  const Value text = soft_text(call.value, call.runtime);
  if (given.keywords.empty()) return percent_format(*text.text(), call.runtime->tuple(given.positional), call.runtime);
  Dict named;
  for (const auto& [name, value] : given.keywords) call.runtime->set(&named, call.runtime->text(name), value);
  return percent_format(*text.text(), call.runtime->dict(std::move(named)), call.runtime);
}

void set_separators(const Value& separators, JsonStyle* style, Runtime* runtime) {
  const std::vector<Value> both = runtime->collect(separators);
  require(both.size() == 2 && both[0].text() != nullptr && both[1].text() != nullptr,
          "tojson needs two strings as separators");
  style->item_separator = both[0].text()->bytes;
  style->key_separator = both[1].text()->bytes;
}

Value do_tojson(const FilterCall& call) {
  const Parameters parameters = call.parameters({"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = parameters.boolean(0, false);
  style.sort_keys = parameters.boolean(3, false);
  style.pretty = parameters.given(1) != nullptr;
  if (style.pretty && parameters.at(1).text() != nullptr) {
    style.indent = parameters.at(1).text()->bytes;
  } else if (style.pretty) {
    const int64_t width = std::max<int64_t>(parameters.integer(1, 0), 0);
    call.runtime->check_text(static_cast<size_t>(width));
    style.indent = std::string(static_cast<size_t>(width), ' ');
  }
  style.item_separator = style.pretty ? "," : ", ";
  style.key_separator = ": ";
  if (parameters.given(2) != nullptr) set_separators(parameters.at(2), &style, call.runtime);
  return call.runtime->text(json(call.value, style, call.runtime));
}

std::string quoted(const Value& value, bool in_query, Runtime* runtime) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : str(value, runtime)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !in_query)) {
      out += c;
    } else if (c == ' ' && in_query) {
      out += '+';
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

Value do_urlencode(const FilterCall& call) {
  call.parameters({});
  const Value& value = call.value;
  const bool simple = value.text() != nullptr || value.is_none() || is_number(value);
  if (simple) return call.runtime->text(quoted(value, false, call.runtime));
  Value pairs = value;
  if (const auto* dict = std::get_if<std::shared_ptr<const Dict>>(&value.data())) {
    pairs = Value(std::make_shared<const View>(View{View::Part::items, *dict}));
  }
  std::string out;
  const std::unique_ptr<Source> source = call.runtime->iterate(pairs);
  for (Value pair; source->next(&pair);) {
    const std::vector<Value> parts = call.runtime->collect(pair);
    require(parts.size() == 2, "urlencode needs pairs");
    if (!out.empty()) out += '&';
    out += quoted(parts[0], true, call.runtime) + "=" + quoted(parts[1], true, call.runtime);
    call.runtime->check_text(out.size());
  }
  return call.runtime->text(std::move(out));
}

std::string escaped(const Value& value, Runtime* runtime) {
  return value.text() != nullptr ? escape_unless_markup(*value.text()) : escape_html(str(value, runtime));
}

Value do_xmlattr(const FilterCall& call) {
  const Parameters parameters = call.parameters({"autospace"});
  require_defined(call.value);
  require(call.value.dict() != nullptr, "xmlattr needs a dict, not a '{}'", type_name(call.value));
  std::string out;
  for (const auto& [key, value] : call.value.dict()->items) {
    if (value.is_none() || value.undefined()) continue;
    require(key.text() != nullptr && key.text()->bytes.find_first_of(" \t\n\r\f\v/>=") == std::string::npos,
            "an attribute whose name cannot be one");
    if (!out.empty() || parameters.boolean(0, true)) out += ' ';
    out += escaped(key, call.runtime) + "=\"" + escaped(value, call.runtime) + "\"";
    call.runtime->check_text(out.size());
  }
  return call.runtime->text(std::move(out));
}

Value do_pprint(const FilterCall& call) {
  call.parameters({});
  return call.runtime->text(pretty_print(call.value, call.runtime));
}

constexpr NamedFilter kTextFilters[] = {
    {"upper", do_case},      {"lower", do_case},    {"capitalize", do_case},    {"center", do_center},
    {"trim", do_trim},       {"title", do_title},   {"string", do_string},      {"safe", do_safe},
    {"escape", do_escape},   {"e", do_escape},      {"forceescape", do_escape}, {"striptags", do_striptags},
    {"replace", do_replace}, {"format", do_format}, {"tojson", do_tojson},      {"urlencode", do_urlencode},
    {"xmlattr", do_xmlattr}, {"pprint", do_pprint}};

}  // namespace

FilterTable text_filters() { return {std::begin(kTextFilters), std::end(kTextFilters)}; }

Value soft_text(const Value& value, Runtime* runtime) {
  return value.text() != nullptr ? value : runtime->text(str(value, runtime));
}

}  // namespace t6::jinja
