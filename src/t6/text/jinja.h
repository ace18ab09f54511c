// Jinja2 templates as Hugging Face's chat templates use them: the same text, to the character, as transformers'
// apply_chat_template makes with Python's jinja2 (trim_blocks, lstrip_blocks, loop controls, the generation tag, tojson
// without HTML escapes). Templates and variables are untrusted: whatever they are, the outcome is text or an Error.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

namespace jinja {
struct Template;
}  // namespace jinja

using OrderedJson = nlohmann::ordered_json;

// What one rendering may use; more is an Error.
struct JinjaLimits {
  int64_t steps = 10'000'000;  // expressions and statements, items passed over, and 64 bytes of text made, each one
  int64_t text_bytes = 32ll << 20;  // of the output, and of any one string on the way
  int depth = 900;                  // of expressions, statements and macros inside each other
};

struct JinjaOptions {
  JinjaLimits limits;
  // The time that strftime_now tells, in seconds since 1970; the machine's clock when empty. Told in local time.
  std::function<std::time_t()> clock;
};

// A range [begin, end) of the output's code points.
struct JinjaRange {
  int64_t begin = 0;
  int64_t end = 0;
  friend bool operator==(const JinjaRange&, const JinjaRange&) = default;
};

struct JinjaOutput {
  std::string text;
  std::vector<JinjaRange> generated;  // the {% generation %} blocks, in order
};

class JinjaTemplate {
 public:
  // Error: not a template ("template line 3: ..."). Bytes that are not UTF-8 are read as U+FFFD, here and in variables.
  explicit JinjaTemplate(std::string_view source);

  // `variables` is an object. The message of an Error is raise_exception's own, or begins with "template line N: ".
  // Several threads may render at once.
  std::string render(const OrderedJson& variables, const JinjaOptions& options = {}) const;
  JinjaOutput render_marked(const OrderedJson& variables, const JinjaOptions& options = {}) const;

 private:
  std::shared_ptr<const jinja::Template> template_;
};

}  // namespace t6
