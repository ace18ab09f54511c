// The parts of expressions that follow an operand, tuples, and what can be assigned to.
#include <algorithm>

#include "t6/text/jinja/call_arguments.h"
#include "t6/text/jinja/expression_parser.h"

namespace t6::jinja {
namespace {

bool can_assign(const Expression& node) {
  if (node.kind == Expression::Kind::tuple) {
    return std::all_of(node.parts.begin(), node.parts.end(),
                       [](const ExpressionPtr& part) { return can_assign(*part); });
  }
  return node.kind == Expression::Kind::name || node.kind == Expression::Kind::attribute_of_namespace;
}

}  // namespace

ExpressionPtr ExpressionParser::postfix(ExpressionPtr node) {
  while (true) {
    if (tokens_.at_op(".") || tokens_.at_op("[")) {
      node = subscript(std::move(node));
    } else if (tokens_.at_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr node) {
  while (true) {
    if (tokens_.skip_op("|")) {
      node = filter(std::move(node));
    } else if (tokens_.at_name("is")) {
      node = test(std::move(node));
    } else if (tokens_.at_op("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr node) {
  const int line = tokens_.line();
  if (tokens_.take().text == "[") {
    node = subscribed(std::move(node), line);
    tokens_.expect_op("]");
    return node;
  }
  if (tokens_.at(Token::Type::name)) {
    std::vector<ExpressionPtr> parts;
    parts.push_back(std::move(node));
    ExpressionPtr attribute = make(Kind::attribute, line, std::move(parts));
    attribute->text = tokens_.take().text;
    return attribute;
  }
  if (!tokens_.at(Token::Type::number) || tokens_.peek().number.get_if<int64_t>() == nullptr) {
    tokens_.refuse("expected a name or a number after the dot");
  }
  ExpressionPtr index = make(Kind::constant, line);
  index->value = tokens_.take().number;
  return pair(Kind::item, line, std::move(node), std::move(index));
}

// node[...] after the bracket: an index, several as a tuple, or a slice.
ExpressionPtr ExpressionParser::subscribed(ExpressionPtr node, int line) {
  std::vector<ExpressionPtr> indices;
  while (!tokens_.at_op("]")) {
    if (!indices.empty()) tokens_.expect_op(",");
    ExpressionPtr index = tokens_.at_op(":") ? nullptr : expression();
    if (!tokens_.at_op(":")) {
      indices.push_back(std::move(index));
      continue;
    }
    if (!indices.empty()) tokens_.refuse("expected an index");
    std::vector<ExpressionPtr> parts(4);
    parts[0] = std::move(node);
    parts[1] = std::move(index);
    for (size_t i = 2; i < 4 && tokens_.skip_op(":"); ++i) {
      if (!tokens_.at_op(":") && !tokens_.at_op("]")) parts[i] = expression();
    }
    return make(Kind::slice, line, std::move(parts));
  }
  if (indices.size() == 1) return pair(Kind::item, line, std::move(node), std::move(indices[0]));
  return pair(Kind::item, line, std::move(node), make(Kind::tuple, line, std::move(indices)));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr node) {
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(node));
  ExpressionPtr result = make(Kind::call, tokens_.line(), std::move(parts));
  result->arguments = arguments();
  measure(result.get());
  return result;
}

void ExpressionParser::argument(Arguments* arguments) {
  const auto ensure = [&](bool fits) {
    if (!fits) tokens_.refuse("expected arguments in the order: values, names with values, *values, **names");
  };
  const bool last = arguments->double_star != nullptr;
  if (tokens_.skip_op("*")) {
    ensure(arguments->star == nullptr && !last);
    arguments->star = expression();
  } else if (tokens_.skip_op("**")) {
    ensure(!last);
    arguments->double_star = expression();
  } else if (tokens_.at(Token::Type::name) && tokens_.peek(1).is("=")) {
    ensure(!last);
    std::string name = tokens_.take().text;
    const bool repeated = std::any_of(arguments->keywords.begin(), arguments->keywords.end(),
                                      [&](const auto& keyword) { return keyword.first == name; });
    if (arguments->keywords.size() >= kMostKeywords) tokens_.refuse("expected fewer named arguments");
    if (repeated) tokens_.refuse(fmt::format("expected one value for '{}'", name));
    tokens_.take();
    arguments->keywords.emplace_back(std::move(name), expression());
  } else {
    ensure(arguments->star == nullptr && !last && arguments->keywords.empty());
    arguments->positional.push_back(expression());
  }
}

Arguments ExpressionParser::arguments() {
  Arguments arguments;
  tokens_.expect_op("(");
  while (!tokens_.at_op(")")) {
    argument(&arguments);
    if (!tokens_.at_op(")")) tokens_.expect_op(",");
  }
  tokens_.expect_op(")");
  return arguments;
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.take_name();
  while (tokens_.skip_op(".")) name += "." + tokens_.take_name();
  return name;
}

ExpressionPtr ExpressionParser::filter(ExpressionPtr node) {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(node));
  ExpressionPtr result = make(Kind::filter, line, std::move(parts));
  result->text = dotted_name();
  if (tokens_.at_op("(")) result->arguments = arguments();
  measure(result.get());
  return result;
}

ExpressionPtr ExpressionParser::filters(bool first) {
  ExpressionPtr node;
  while (first || tokens_.skip_op("|")) {
    node = filter(std::move(node));
    first = false;
  }
  return node;
}

bool ExpressionParser::test_argument_follows() const {
  const Token& token = tokens_.peek();
  if (token.type == Token::Type::name) return token.text != "else" && token.text != "or" && token.text != "and";
  return token.type == Token::Type::text || token.type == Token::Type::number || token.is("[") || token.is("{");
}

ExpressionPtr ExpressionParser::test(ExpressionPtr node) {
  const int line = tokens_.line();
  tokens_.expect_name("is");
  const bool negated = tokens_.skip_name("not");
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(node));
  ExpressionPtr result = make(Kind::test, line, std::move(parts));
  result->text = dotted_name();
  if (tokens_.at_op("(")) {
    result->arguments = arguments();
  } else if (test_argument_follows()) {
    if (tokens_.at_name("is")) tokens_.refuse("expected no second test");
    result->arguments.positional.push_back(postfix(primary()));
  }
  measure(result.get());
  if (!negated) return result;
  parts.clear();
  parts.push_back(std::move(result));
  return make(Kind::negation, line, std::move(parts));
}

bool ExpressionParser::tuple_ends(std::string_view end_name) const {
  return tokens_.at(Token::Type::variable_end) || tokens_.at(Token::Type::block_end) || tokens_.at_op(")") ||
         (!end_name.empty() && tokens_.at_name(end_name));
}

ExpressionPtr ExpressionParser::tuple(bool with_conditional, std::string_view end_name, bool may_be_empty) {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  bool comma = false;
  while (!tuple_ends(end_name)) {
    parts.push_back(expression(with_conditional));
    if (!tokens_.at_op(",")) break;
    tokens_.take();
    comma = true;
  }
  if (!comma && !parts.empty()) return std::move(parts[0]);
  if (!comma && !may_be_empty) tokens_.refuse("expected an expression");
  return make(Kind::tuple, line, std::move(parts));
}

ExpressionPtr ExpressionParser::simple_target(bool with_namespace) {
  if (!with_namespace || !tokens_.at(Token::Type::name) || !tokens_.peek(1).is(".")) return primary();
  ExpressionPtr node = make(Kind::attribute_of_namespace, tokens_.line());
  node->text = tokens_.take().text;
  tokens_.take();
  node->attribute = tokens_.take_name();
  return node;
}

ExpressionPtr ExpressionParser::target(bool with_namespace, std::string_view end_name) {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  bool comma = false;
  while (!tuple_ends(end_name)) {
    parts.push_back(simple_target(with_namespace));
    if (!tokens_.skip_op(",")) break;
    comma = true;
  }
  if (!comma && parts.empty()) tokens_.refuse("expected something to assign to");
  ExpressionPtr node = comma ? make(Kind::tuple, line, std::move(parts)) : std::move(parts[0]);
  if (!can_assign(*node)) fail_at(line, "this cannot be assigned to");
  return node;
}

ExpressionPtr ExpressionParser::target_name() {
  if (!tokens_.at(Token::Type::name)) tokens_.refuse("expected a name");
  ExpressionPtr node = named();
  if (node->kind != Kind::name) fail_at(node->line, "this cannot be assigned to");
  return node;
}

}  // namespace t6::jinja
