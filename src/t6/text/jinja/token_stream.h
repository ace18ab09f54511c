// Tokens one after another, for the parsers.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/text/jinja/lexer.h"

namespace t6::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  int line() const { return peek().line; }
  bool at(Token::Type type) const { return peek().type == type; }
  bool at_op(std::string_view op) const { return peek().is(op); }
  bool at_name(std::string_view name) const { return peek().is_name(name); }

  Token take() {
    Token token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool skip_op(std::string_view op) {
    const bool there = at_op(op);
    if (there) take();
    return there;
  }
  bool skip_name(std::string_view name) {
    const bool there = at_name(name);
    if (there) take();
    return there;
  }
  void expect_op(std::string_view op) {
    if (!skip_op(op)) refuse(fmt::format("expected '{}'", op));
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) refuse(fmt::format("expected '{}'", name));
  }
  void expect(Token::Type type) {
    if (!at(type)) refuse(type == Token::Type::name ? "expected a name" : "expected the end of the tag");
    take();
  }
  std::string take_name() {
    if (!at(Token::Type::name)) refuse("expected a name");
    return take().text;
  }

  // Error: `wanted`, found the current token.
  [[noreturn]] void refuse(const std::string& wanted) const { fail_at(line(), wanted + ", found " + shown()); }

 private:
  std::string shown() const {
    const Token& token = peek();
    switch (token.type) {
      case Token::Type::end:
        return "the end of the template";
      case Token::Type::data:
        return "text";
      case Token::Type::block_begin:
        return "'{%'";
      case Token::Type::block_end:
        return "'%}'";
      case Token::Type::variable_begin:
        return "'{{'";
      case Token::Type::variable_end:
        return "'}}'";
      case Token::Type::number:
        return "a number";
      case Token::Type::text:
        return "a string";
      default:
        return "'" + token.text + "'";
    }
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace t6::jinja
