// A template's source as tokens: Jinja2's lexer with trim_blocks and lstrip_blocks on and the usual delimiters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "t6/text/jinja/value.h"

namespace t6::jinja {

struct Token {
  enum class Type { data, variable_begin, variable_end, block_begin, block_end, name, text, number, op, end };
  Type type = Type::end;
  std::string text;  // data, the name, the operator, a string's content
  Value number;
  int line = 1;

  bool is(std::string_view op) const { return type == Type::op && text == op; }
  bool is_name(std::string_view name) const { return type == Type::name && text == name; }
};

// Ends with a token of type end. Error: what is no token, a comment or a string without an end, brackets that do not
// match.
std::vector<Token> tokenize(std::string_view source);

// "template line 3: ..."
[[noreturn]] void fail_at(int line, const std::string& message);

}  // namespace t6::jinja
