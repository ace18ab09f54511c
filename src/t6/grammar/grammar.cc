#include "t6/grammar/grammar.h"

#include <xgrammar/xgrammar.h>

#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/grammar/compile/cache.h"
#include "t6/grammar/compile/constraint.h"
#include "t6/grammar/compile/messages.h"
#include "t6/grammar/compile/tool_calls.h"
#include "t6/grammar/compile/vocabulary.h"
#include "t6/grammar/schema/schema.h"
#include "t6/grammar/text/ebnf.h"
#include "t6/grammar/text/regex.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

class CompiledGrammar : public Grammar {
 public:
  explicit CompiledGrammar(xgrammar::CompiledGrammar grammar)
      : grammar_(std::move(grammar)), bytes_(static_cast<int64_t>(grammar_.MemorySizeBytes())) {}
  std::shared_ptr<TokenConstraint> constraint() const override { return std::make_shared<GrammarConstraint>(grammar_); }
  int64_t bytes() const override { return bytes_; }

 private:
  xgrammar::CompiledGrammar grammar_;
  int64_t bytes_;
};

void require_begins(const Grammar& grammar, int64_t vocab_size) {
  const auto constraint = grammar.constraint();
  std::vector<uint32_t> mask(mask_words(static_cast<size_t>(vocab_size)));
  constraint->allow(mask);
  require(constraint->may_end() || std::ranges::any_of(mask, [](uint32_t word) { return word != 0; }),
          "no text fits it");
}

}  // namespace

struct GrammarCompiler::Parts {
  GrammarLimits limits;
  int64_t vocab_size;
  xgrammar::GrammarCompiler compiler;
  GrammarCache cache;

  // `what` names the kind of grammar in errors and, with the text, in the cache.
  template <typename Compile>
  std::shared_ptr<const Grammar> compile(std::string_view what, std::string_view text, Compile&& compile) {
    require_text(what, text);
    const std::string key = fmt::format("{}\n{}", what, text);
    if (auto found = cache.find(key)) return found;
    auto grammar = compile_anew(what, text, compile);
    cache.keep(key, grammar);
    return grammar;
  }

  void require_text(std::string_view what, std::string_view text) const {
    require(static_cast<int64_t>(text.size()) <= limits.text_bytes, "the {} has {} bytes, at most {} are read", what,
            text.size(), limits.text_bytes);
    require(is_valid_utf8(text), "the {} is not UTF-8", what);
    require(text.find('\0') == std::string_view::npos, "the {} holds a byte of 0", what);
  }

  template <typename Compile>
  std::shared_ptr<const Grammar> compile_anew(std::string_view what, std::string_view text, Compile&& compile) {
    try {
      const Warnings warnings;
      auto grammar = std::make_shared<const CompiledGrammar>(compile(text));
      warnings.require_none();
      require_begins(*grammar, vocab_size);
      return grammar;
    } catch (const std::exception& error) {  // xgrammar's too
      fail("the {}: {}", what, quotable(error.what(), kLongestMessage));
    }
  }
};

// One thread: its warnings are then this thread's. No cache of xgrammar's, which has no bound that counts all.
GrammarCompiler::GrammarCompiler(const Tokenizer& tokenizer, int64_t vocab_size, const GrammarLimits& limits)
    : parts_(new Parts{limits, vocab_size,
                       xgrammar::GrammarCompiler(vocabulary_of(tokenizer, vocab_size), /*max_threads=*/1,
                                                 /*cache_enabled=*/false),
                       GrammarCache(limits.cache_bytes)}) {}

GrammarCompiler::~GrammarCompiler() = default;

std::shared_ptr<const Grammar> GrammarCompiler::compile_json_schema(std::string_view json) {
  return parts_->compile("JSON schema", json, [&](std::string_view text) {
    return parts_->compiler.CompileJSONSchema(enforceable_schema(text, parts_->limits), /*any_whitespace=*/true,
                                              /*indent=*/std::nullopt, /*separators=*/std::nullopt,
                                              /*strict_mode=*/true, kMostBlanks);
  });
}

std::shared_ptr<const Grammar> GrammarCompiler::compile_json_object() {
  return compile_json_schema(R"({"type": "object"})");
}

std::shared_ptr<const Grammar> GrammarCompiler::compile_regex(std::string_view expression) {
  return parts_->compile("regular expression", expression, [&](std::string_view text) {
    return parts_->compiler.CompileRegex(enforceable_regex(text, RegexPlace::text, parts_->limits).text);
  });
}

std::shared_ptr<const Grammar> GrammarCompiler::compile_ebnf(std::string_view rules) {
  return parts_->compile("grammar", rules, [&](std::string_view text) {
    check_ebnf(text, parts_->limits);
    return parts_->compiler.CompileGrammar(std::string(text), "root");
  });
}

std::shared_ptr<const Grammar> GrammarCompiler::compile_choice(std::span<const std::string> choices) {
  require(!choices.empty(), "the list of choices is empty");
  require(std::ssize(choices) <= parts_->limits.choices, "{} choices were given, at most {} are read", choices.size(),
          parts_->limits.choices);
  Json alternatives = Json::array();
  for (const std::string& choice : choices) {
    require(!choice.empty(), "a choice must not be empty");
    parts_->require_text("choice", choice);
    alternatives.push_back({{"type", "const_string"}, {"value", choice}});
  }
  const Json tag = {{"type", "structural_tag"}, {"format", {{"type", "or"}, {"elements", std::move(alternatives)}}}};
  return parts_->compile("list of choices", tag.dump(), [&](std::string_view text) {
    return parts_->compiler.CompileStructuralTag(std::string(text));
  });
}

std::shared_ptr<const Grammar> GrammarCompiler::compile_tool_calls(const ToolCalls& calls) {
  return parts_->compile("calls of tools", tool_calls_key(calls), [&](std::string_view) {
    return parts_->compiler.CompileStructuralTag(structural_tag(calls, parts_->limits));
  });
}

int64_t GrammarCompiler::cached_bytes() const { return parts_->cache.bytes(); }

}  // namespace t6
