#include "t6/text/jinja/functions.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include "t6/text/jinja/objects.h"
#include "t6/text/jinja/print.h"

namespace t6::jinja {
namespace {

// Of the sandbox.
constexpr int64_t kLongestRange = 100'000;

Value do_range(const CallArguments& arguments, Runtime*) {
  const Parameters parameters("range", arguments, {"", "", ""}, 1);
  Range range;
  if (parameters.find(1) == nullptr) {
    range.stop = parameters.integer(0, 0);
  } else {
    range = {parameters.integer(0, 0), parameters.integer(1, 0), parameters.integer(2, 1)};
  }
  require(range.step != 0, "range() arg 3 must not be zero");
  require(range.size() <= kLongestRange, "a range of more than {} items", kLongestRange);
  return Value(std::make_shared<const Range>(range));
}

Dict dict_of(std::string_view function, const CallArguments& arguments, Runtime* runtime) {
  require(arguments.positional.size() <= 1, "{} expected at most 1 argument", function);
  Dict dict;
  for (const Value& given : arguments.positional) {
    if (given.dict() != nullptr) {
      for (const auto& [key, value] : given.dict()->items) runtime->set(&dict, key, value);
      continue;
    }
    const std::unique_ptr<Source> source = runtime->iterate(given);
    for (Value pair; source->next(&pair);) {
      const std::vector<Value> both = runtime->collect(pair);
      require(both.size() == 2, "a dict is made of pairs");
      runtime->set(&dict, both[0], both[1]);
    }
  }
  for (const auto& [name, value] : arguments.keywords) runtime->set(&dict, runtime->text(name), value);
  return dict;
}

Value do_dict(const CallArguments& arguments, Runtime* runtime) {
  return runtime->dict(dict_of("dict", arguments, runtime));
}

Value do_namespace(const CallArguments& arguments, Runtime* runtime) {
  auto* space = runtime->make<Namespace>();
  space->attributes = dict_of("namespace", arguments, runtime);
  return Value(static_cast<Object*>(space));
}

Value do_cycler(const CallArguments& arguments, Runtime* runtime) {
  require(arguments.keywords.empty(), "cycler takes no named arguments");
  require(!arguments.positional.empty(), "at least one item has to be provided");
  runtime->charge(static_cast<int64_t>(arguments.positional.size()));
  return Value(static_cast<Object*>(runtime->make<Cycler>(arguments.positional)));
}

Value do_joiner(const CallArguments& arguments, Runtime* runtime) {
  const Parameters parameters("joiner", arguments, {"sep"});
  const Value separator = parameters.find(0) != nullptr ? parameters.at(0) : runtime->text(", ");
  return Value(static_cast<Object*>(runtime->make<Joiner>(separator)));
}

Value do_raise_exception(const CallArguments& arguments, Runtime* runtime) {
  const Parameters parameters("raise_exception", arguments, {"message"}, 1);
  throw RaisedError(str(parameters.at(0), runtime));
}

// One conversion of strftime, such as %d or %-d. Python's times have no zone, and microseconds as %f.
std::string time_part(const std::string& conversion, const std::tm& time) {
  const char letter = conversion.back();
  if (letter == 'z' || letter == 'Z') return "";
  if (letter == 'f') return "000000";
  char buffer[256];
  return {buffer, std::strftime(buffer, sizeof(buffer), conversion.c_str(), &time)};
}

Value do_strftime_now(const CallArguments& arguments, Runtime* runtime) {
  const Parameters parameters("strftime_now", arguments, {"format"}, 1);
  const std::string format = parameters.text(0, "");
  const std::time_t now = runtime->now();
  std::tm time{};
  localtime_r(&now, &time);
  std::string out;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%' || at + 1 == format.size()) {
      out += format[at++];
      continue;
    }
    const size_t end = std::min(format.find_first_not_of("-_0^#EO", at + 1), format.size() - 1);
    require(format[end] < '0' || format[end] > '9', "strftime_now takes no widths");
    out += time_part(format.substr(at, end + 1 - at), time);
    at = end + 1;
    runtime->check_text(out.size());
  }
  return runtime->text(std::move(out));
}

struct NamedFunction {
  Function function;
  Value (*run)(const CallArguments& arguments, Runtime* runtime);
};
constexpr NamedFunction kFunctions[] = {{{"range"}, do_range},
                                        {{"dict"}, do_dict},
                                        {{"namespace"}, do_namespace},
                                        {{"cycler"}, do_cycler},
                                        {{"joiner"}, do_joiner},
                                        {{"raise_exception"}, do_raise_exception},
                                        {{"strftime_now"}, do_strftime_now}};

const NamedFunction* find(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&](const NamedFunction& one) { return one.function.name == name; });
  return found == std::end(kFunctions) ? nullptr : found;
}

}  // namespace

Value find_function(std::string_view name) {
  const NamedFunction* found = find(name);
  return found == nullptr ? Value() : Value(&found->function);
}

Value call_function(const Function& function, const CallArguments& arguments, Runtime* runtime) {
  return find(function.name)->run(arguments, runtime);
}

}  // namespace t6::jinja
