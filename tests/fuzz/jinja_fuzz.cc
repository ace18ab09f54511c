// Any bytes as a chat template and its variables: an Error or a text. The input: the template, a zero byte, JSON.
#include <string>
#include <string_view>

#include "t6/core/error.h"
#include "t6/text/jinja.h"

namespace {

constexpr std::string_view kVariables =
    R"({"messages": [{"role": "user", "content": "a <b> \u00e9"}, {"role": "assistant", "content": null,
        "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5, "y": [true, 2]}}}]}],
        "tools": [{"name": "f", "parameters": {}}], "add_generation_prompt": true, "s": "text", "n": 3, "d": {"k": "v"}})";

// Parsed by the library itself, which takes any bytes: what is not JSON is no object here.
t6::OrderedJson variables(std::string_view json) {
  const auto parsed = t6::OrderedJson::parse(json, nullptr, false);
  return parsed.is_object() ? parsed : t6::OrderedJson::parse(kVariables);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view source = input.substr(0, input.find('\0'));
  t6::JinjaOptions options;
  options.limits = {.steps = 20'000, .text_bytes = 1 << 16, .depth = 300};
  try {
    const t6::JinjaTemplate parsed(source);
    (void)parsed.render(variables(input.substr(std::min(source.size() + 1, size))), options);
  } catch (const t6::Error&) {
  }
  return 0;
}
