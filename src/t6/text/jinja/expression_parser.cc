#include "t6/text/jinja/expression_parser.h"

#include <algorithm>
#include <iterator>

namespace t6::jinja {
namespace {

// Of expressions inside each other; Python's own parser has this limit for brackets.
constexpr int kMostExpressionNesting = 200;

struct OperatorName {
  std::string_view name;
  Operator op;
};
constexpr OperatorName kComparisons[] = {{"==", Operator::equal},  {"!=", Operator::not_equal},
                                         {"<", Operator::less},    {"<=", Operator::less_equal},
                                         {">", Operator::greater}, {">=", Operator::greater_equal}};
constexpr OperatorName kSums[] = {{"+", Operator::add}, {"-", Operator::subtract}};
constexpr OperatorName kProducts[] = {
    {"*", Operator::multiply}, {"/", Operator::divide}, {"//", Operator::floor_divide}, {"%", Operator::modulo}};

template <size_t N>
bool take_operator(TokenStream* tokens, const OperatorName (&names)[N], Operator* found) {
  for (const auto& [name, op] : names) {
    if (!tokens->skip_op(name)) continue;
    *found = op;
    return true;
  }
  return false;
}

bool is_constant_name(std::string_view name) {
  return name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None";
}

int deepest(const Arguments& arguments) {
  int depth = 0;
  const auto see = [&](const ExpressionPtr& node) { depth = std::max(depth, node ? node->depth : 0); };
  for (const auto& node : arguments.positional) see(node);
  for (const auto& [name, node] : arguments.keywords) see(node);
  see(arguments.star);
  see(arguments.double_star);
  return depth;
}

}  // namespace

class ExpressionParser::Nesting {
 public:
  explicit Nesting(ExpressionParser* parser) : parser_(*parser) {
    if (parser_.nesting_ >= kMostExpressionNesting) {
      fail_at(parser_.tokens_.line(),
              fmt::format("an expression nested deeper than {} levels", kMostExpressionNesting));
    }
    ++parser_.nesting_;
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ExpressionParser& parser_;
};

ExpressionPtr ExpressionParser::make(Kind kind, int line, std::vector<ExpressionPtr> parts) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->parts = std::move(parts);
  measure(node.get());
  return node;
}

ExpressionPtr ExpressionParser::pair(Kind kind, int line, ExpressionPtr left, ExpressionPtr right) {
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(left));
  parts.push_back(std::move(right));
  return make(kind, line, std::move(parts));
}

// Chains such as a + b + c are deep trees too.
void ExpressionParser::measure(Expression* node) const {
  node->depth = 1 + deepest(node->arguments);
  for (const ExpressionPtr& part : node->parts) node->depth = std::max(node->depth, part ? 1 + part->depth : 0);
  if (node->depth > kMostExpressionNesting) {
    fail_at(node->line, fmt::format("an expression nested deeper than {} levels", kMostExpressionNesting));
  }
}

ExpressionPtr ExpressionParser::expression(bool with_conditional) {
  return with_conditional ? conditional() : either();
}

ExpressionPtr ExpressionParser::conditional() {
  const Nesting nesting(this);
  const int line = tokens_.line();
  ExpressionPtr node = either();
  while (tokens_.skip_name("if")) {
    std::vector<ExpressionPtr> parts(3);
    parts[0] = either();
    parts[1] = std::move(node);
    if (tokens_.skip_name("else")) parts[2] = conditional();
    node = make(Kind::conditional, line, std::move(parts));
  }
  return node;
}

ExpressionPtr ExpressionParser::either() {
  const int line = tokens_.line();
  ExpressionPtr node = both();
  while (tokens_.skip_name("or")) node = pair(Kind::either, line, std::move(node), both());
  return node;
}

ExpressionPtr ExpressionParser::both() {
  const int line = tokens_.line();
  ExpressionPtr node = negation();
  while (tokens_.skip_name("and")) node = pair(Kind::both, line, std::move(node), negation());
  return node;
}

ExpressionPtr ExpressionParser::negation() {
  const int line = tokens_.line();
  if (!tokens_.skip_name("not")) return comparison();
  const Nesting nesting(this);
  std::vector<ExpressionPtr> parts;
  parts.push_back(negation());
  return make(Kind::negation, line, std::move(parts));
}

bool ExpressionParser::comparison_operator(Operator* found) {
  if (take_operator(&tokens_, kComparisons, found)) return true;
  *found = Operator::in;
  if (tokens_.skip_name("in")) return true;
  *found = Operator::not_in;
  if (!tokens_.at_name("not") || !tokens_.peek(1).is_name("in")) return false;
  tokens_.take();
  tokens_.take();
  return true;
}

ExpressionPtr ExpressionParser::comparison() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  parts.push_back(sum());
  std::vector<Operator> operators;
  for (Operator op; comparison_operator(&op);) {
    operators.push_back(op);
    parts.push_back(sum());
  }
  if (operators.empty()) return std::move(parts[0]);
  ExpressionPtr node = make(Kind::comparison, line, std::move(parts));
  node->operators = std::move(operators);
  return node;
}

ExpressionPtr ExpressionParser::sum() {
  const int line = tokens_.line();
  ExpressionPtr node = concatenation();
  for (Operator op; take_operator(&tokens_, kSums, &op);) {
    node = pair(Kind::binary, line, std::move(node), concatenation());
    node->operators = {op};
  }
  return node;
}

ExpressionPtr ExpressionParser::concatenation() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  parts.push_back(product());
  while (tokens_.skip_op("~")) parts.push_back(product());
  return parts.size() == 1 ? std::move(parts[0]) : make(Kind::concatenation, line, std::move(parts));
}

ExpressionPtr ExpressionParser::product() {
  const int line = tokens_.line();
  ExpressionPtr node = power();
  for (Operator op; take_operator(&tokens_, kProducts, &op);) {
    node = pair(Kind::binary, line, std::move(node), power());
    node->operators = {op};
  }
  return node;
}

ExpressionPtr ExpressionParser::power() {
  const int line = tokens_.line();
  ExpressionPtr node = unary(true);
  while (tokens_.skip_op("**")) {
    node = pair(Kind::binary, line, std::move(node), unary(true));
    node->operators = {Operator::power};
  }
  return node;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Nesting nesting(this);
  const int line = tokens_.line();
  ExpressionPtr node;
  if (tokens_.at_op("-") || tokens_.at_op("+")) {
    const Operator op = tokens_.take().text == "-" ? Operator::negate : Operator::plus;
    std::vector<ExpressionPtr> parts;
    parts.push_back(unary(false));
    node = make(Kind::unary, line, std::move(parts));
    node->operators = {op};
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::primary() {
  const int line = tokens_.line();
  switch (tokens_.peek().type) {
    case Token::Type::name:
      return named();
    case Token::Type::text:
      return string();
    case Token::Type::number: {
      ExpressionPtr node = make(Kind::constant, line);
      node->value = tokens_.take().number;
      return node;
    }
    default:
      break;
  }
  if (tokens_.at_op("[")) return list();
  if (tokens_.at_op("{")) return dict();
  if (!tokens_.skip_op("(")) tokens_.refuse("expected an expression");
  ExpressionPtr node = tuple(true, "", true);
  tokens_.expect_op(")");
  return node;
}

ExpressionPtr ExpressionParser::named() {
  const int line = tokens_.line();
  const std::string name = tokens_.take().text;
  ExpressionPtr node = make(is_constant_name(name) ? Kind::constant : Kind::name, line);
  if (node->kind == Kind::name) {
    node->text = name;
  } else {
    node->value = name == "none" || name == "None" ? Value::none() : Value(name == "true" || name == "True");
  }
  return node;
}

ExpressionPtr ExpressionParser::string() {
  ExpressionPtr node = make(Kind::constant, tokens_.line());
  std::string text;
  while (tokens_.at(Token::Type::text)) text += tokens_.take().text;
  node->value = make_text(std::move(text));
  return node;
}

ExpressionPtr ExpressionParser::list() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  tokens_.expect_op("[");
  while (!tokens_.at_op("]")) {
    if (!parts.empty()) tokens_.expect_op(",");
    if (tokens_.at_op("]")) break;
    parts.push_back(expression());
  }
  tokens_.expect_op("]");
  return make(Kind::list, line, std::move(parts));
}

ExpressionPtr ExpressionParser::dict() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  tokens_.expect_op("{");
  while (!tokens_.at_op("}")) {
    if (!parts.empty()) tokens_.expect_op(",");
    if (tokens_.at_op("}")) break;
    parts.push_back(expression());
    tokens_.expect_op(":");
    parts.push_back(expression());
  }
  tokens_.expect_op("}");
  return make(Kind::dict, line, std::move(parts));
}

}  // namespace t6::jinja
