// Grammars that a model's text keeps to: JSON schemas, regular expressions, EBNF, choices and calls of tools, compiled
// for a vocabulary with xgrammar.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/infer/token_constraint.h"
#include "t6/text/tokenizer.h"

namespace t6 {

// What a text of unknown origin may ask for. Within them compiling takes a bounded time (docs/serving.md has figures).
struct GrammarLimits {
  int64_t text_bytes = 128 << 10;   // of a schema, an expression, a grammar; of all together where there are several
  int64_t depth = 64;               // of nested schemas, values, groups, references
  int64_t schemas = 2000;           // within one schema; rules of a grammar
  int64_t choices = 5000;           // of a list, an enum
  int64_t repetitions = 1000;       // of a count within an expression, the product of nested ones
  int64_t items = 10'000;           // of minItems, maxLength and their like
  int64_t cost = 100'000;           // 100 for each place that takes nearly any character, repetitions written out
  int64_t cache_bytes = 256 << 20;  // of compiled grammars, the least recently used go first
};

// Immutable; for any number of generations on any threads.
class Grammar {
 public:
  virtual ~Grammar() = default;
  // For one generation (GenerateOptions::constraint).
  virtual std::shared_ptr<TokenConstraint> constraint() const = 0;
  virtual int64_t bytes() const = 0;  // of memory, estimated
};

// Calls of tools in a text: each is begin, then JSON that fits the schema, then end, as in
// <tool_call>{"name": "f", "arguments": SCHEMA}</tool_call>.
struct ToolTag {
  std::string begin = {}, schema = {}, end = {};
};

struct ToolCalls {
  std::vector<ToolTag> tags = {};
  std::vector<std::string> triggers = {};  // each tag begins with exactly one: what no free text may contain
  // Free text before, between and after calls, of which there may be none. Otherwise calls follow each other, at least
  // one.
  bool text = true;
  bool many = true;               // otherwise the first call ends the text
  std::string preamble_end = {};  // free text up to and with this comes first ("</think>"); empty: none does
};

// Fails closed: what cannot be enforced to the letter is an Error that names it, and no grammar. Every compile function
// may be called from many threads at once; what was compiled lately is there at once. Errors of all: the text is not
// UTF-8, malformed, beyond the limits, asks for what cannot be enforced, or nothing fits it.
class GrammarCompiler {
 public:
  // `vocab_size` is the model's, at least the tokenizer's. Special tokens come in no constrained text; the generation
  // adds the ends of text (token_constraint.h).
  GrammarCompiler(const Tokenizer& tokenizer, int64_t vocab_size, const GrammarLimits& limits = {});
  ~GrammarCompiler();
  GrammarCompiler(const GrammarCompiler&) = delete;
  GrammarCompiler& operator=(const GrammarCompiler&) = delete;

  // One JSON value that fits the schema (drafts 6 to 2020-12; docs/serving.md lists what is enforced). Properties come
  // in the schema's order, and those that it does not name only where additionalProperties asks for them.
  std::shared_ptr<const Grammar> compile_json_schema(std::string_view json);
  // Any JSON object.
  std::shared_ptr<const Grammar> compile_json_object();
  // A text that matches from beginning to end.
  std::shared_ptr<const Grammar> compile_regex(std::string_view expression);
  // What the rule "root" derives, in xgrammar's EBNF, which is llama.cpp's GBNF in most.
  std::shared_ptr<const Grammar> compile_ebnf(std::string_view rules);
  // One of these texts. Errors: none, an empty one.
  std::shared_ptr<const Grammar> compile_choice(std::span<const std::string> choices);
  std::shared_ptr<const Grammar> compile_tool_calls(const ToolCalls& calls);

  int64_t cached_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace t6
