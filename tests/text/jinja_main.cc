// Renders templates for scripts that compare the outcome with Python's jinja2.
//
//   t6_jinja <cases >outcomes
//
// Reads a JSON object a line: "template", "variables", and "now", the clock's time, if it has one. Writes one a line:
// "text", and "generated" as pairs of numbers, or "error".
#include <iostream>
#include <string>

#include "t6/core/error.h"
#include "t6/text/jinja.h"

namespace t6 {
namespace {

OrderedJson outcome(const OrderedJson& test) {
  try {
    const JinjaTemplate parsed(test.at("template").get<std::string>());
    JinjaOptions options;
    if (test.contains("now")) options.clock = [&] { return test.at("now").get<std::time_t>(); };
    const JinjaOutput output = parsed.render_marked(test.at("variables"), options);
    OrderedJson ranges = OrderedJson::array();
    for (const JinjaRange& range : output.generated) ranges.push_back({range.begin, range.end});
    return {{"text", output.text}, {"generated", ranges}};
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace
}  // namespace t6

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << t6::outcome(t6::OrderedJson::parse(line)).dump() << '\n';
  }
}
