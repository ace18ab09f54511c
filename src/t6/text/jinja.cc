#include "t6/text/jinja.h"

#include "t6/core/error.h"
#include "t6/text/jinja/bind_names.h"
#include "t6/text/jinja/from_json.h"
#include "t6/text/jinja/interpreter.h"
#include "t6/text/jinja/lexer.h"
#include "t6/text/jinja/parser.h"
#include "t6/text/jinja/unicode.h"

namespace t6 {
namespace {

// Far more than any model's template has.
constexpr size_t kLongestSource = 4u << 20;

std::string run(jinja::Interpreter* interpreter) {
  try {
    return interpreter->run();
  } catch (const jinja::RaisedError&) {
    throw;
  } catch (const Error& error) {
    jinja::fail_at(interpreter->line(), error.what());
  }
}

// Byte ranges in order, as ranges of code points.
std::vector<JinjaRange> in_code_points(const std::vector<std::pair<size_t, size_t>>& ranges, std::string_view text) {
  std::vector<JinjaRange> counted;
  const auto count = [&](size_t begin, size_t end) {
    return jinja::count_code_points(text.substr(begin, end - begin));
  };
  size_t byte = 0;
  int64_t point = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < byte) {  // inside an earlier block
      byte = 0;
      point = 0;
    }
    point += count(byte, begin);
    byte = begin;
    counted.push_back({point, point + count(begin, end)});
  }
  return counted;
}

}  // namespace

JinjaTemplate::JinjaTemplate(std::string_view source) {
  require(source.size() <= kLongestSource, "a template of {} bytes; {} is the most", source.size(), kLongestSource);
  auto parsed = std::make_shared<jinja::Template>(jinja::parse(source));
  jinja::bind_names(parsed.get());
  template_ = std::move(parsed);
}

std::string JinjaTemplate::render(const OrderedJson& variables, const JinjaOptions& options) const {
  return render_marked(variables, options).text;
}

JinjaOutput JinjaTemplate::render_marked(const OrderedJson& variables, const JinjaOptions& options) const {
  require(variables.is_object(), "a template's variables are a JSON object");
  const jinja::Value converted = jinja::from_json(variables);
  const JinjaLimits& limits = options.limits;
  jinja::Runtime runtime({limits.steps, limits.text_bytes, limits.depth}, options.clock);
  jinja::Interpreter interpreter(*template_, *converted.dict(), &runtime);
  JinjaOutput output;
  output.text = run(&interpreter);
  output.generated = in_code_points(interpreter.generated(), output.text);
  return output;
}

}  // namespace t6
