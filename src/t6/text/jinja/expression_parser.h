// Expressions, with Jinja2's precedences: if, or, and, not, comparisons, + -, ~, * / // %, ** (from the left), unary
// + and -, postfixes, filters and tests.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "t6/text/jinja/syntax.h"
#include "t6/text/jinja/token_stream.h"

namespace t6::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream* tokens) : tokens_(*tokens) {}

  ExpressionPtr expression(bool with_conditional = true);
  // One expression, or several with commas between them as a tuple. The names end it too.
  ExpressionPtr tuple(bool with_conditional = true, std::string_view end_name = "", bool may_be_empty = false);
  // What for and set assign to.
  ExpressionPtr target(bool with_namespace, std::string_view end_name = "");
  ExpressionPtr target_name();
  // The filters of {% filter %} and {% set %}; null when there are none. first: the first comes without a |.
  ExpressionPtr filters(bool first);

 private:
  class Nesting;
  using Kind = Expression::Kind;

  ExpressionPtr make(Kind kind, int line, std::vector<ExpressionPtr> parts = {});
  ExpressionPtr pair(Kind kind, int line, ExpressionPtr left, ExpressionPtr right);
  void measure(Expression* node) const;
  ExpressionPtr conditional();
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  bool comparison_operator(Operator* found);
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr named();
  ExpressionPtr string();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr filters_and_tests(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr subscribed(ExpressionPtr node, int line);
  ExpressionPtr call(ExpressionPtr node);
  ExpressionPtr filter(ExpressionPtr node);
  ExpressionPtr test(ExpressionPtr node);
  std::string dotted_name();
  bool tuple_ends(std::string_view end_name) const;
  bool test_argument_follows() const;
  void argument(Arguments* arguments);
  Arguments arguments();
  ExpressionPtr simple_target(bool with_namespace);

  TokenStream& tokens_;
  int nesting_ = 0;
};

}  // namespace t6::jinja
