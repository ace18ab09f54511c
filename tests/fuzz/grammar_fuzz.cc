// Any bytes as a schema, an expression or rules: an error or a grammar, whose masks allow what it then accepts.
#include <algorithm>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/grammar/grammar.h"

namespace {

// Small, so that an input ends soon.
constexpr t6::GrammarLimits kLimits = {
    .text_bytes = 4096, .depth = 16, .schemas = 100, .choices = 100, .repetitions = 100, .items = 200, .cost = 5000};

void use(const t6::Grammar& grammar) {
  const auto constraint = grammar.constraint();
  std::vector<uint32_t> mask(t6::mask_words(257));
  for (int step = 0; step < 20; ++step) {
    constraint->allow(mask);
    int32_t id = step * 37 % 257;
    for (int i = 0; i < 257 && !t6::in_mask(mask, id); ++i) id = (id + 1) % 257;
    if (!t6::in_mask(mask, id)) return;
    constraint->accept(id);  // an Error here is no Error of the input
    (void)constraint->may_end();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static t6::GrammarCompiler compiler(*t6::byte_tokenizer(), 257, kLimits);
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  std::shared_ptr<const t6::Grammar> grammar;
  try {
    if (data[0] == 's') grammar = compiler.compile_json_schema(text);
    if (data[0] == 'r') grammar = compiler.compile_regex(text);
    if (data[0] == 'e') grammar = compiler.compile_ebnf(text);
    if (data[0] == 'c') grammar = compiler.compile_choice(std::vector<std::string>{text, "a"});
    if (data[0] == 't') grammar = compiler.compile_tool_calls({.tags = {{"<f>", text, "</f>"}}, .triggers = {"<f>"}});
  } catch (const t6::Error&) {
    return 0;
  }
  if (grammar) use(*grammar);
  return 0;
}
