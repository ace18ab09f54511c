#include "t6/text/jinja/parser.h"

#include <algorithm>

#include "t6/text/jinja/expression_parser.h"

namespace t6::jinja {
namespace {

using Kind = Statement::Kind;

// Of blocks inside each other.
constexpr int kMostNesting = 100;

ExpressionPtr copy_of_target(const Expression& target) {
  auto copy = std::make_unique<Expression>();
  copy->kind = target.kind;
  copy->line = target.line;
  copy->text = target.text;
  for (const ExpressionPtr& part : target.parts) copy->parts.push_back(copy_of_target(*part));
  return copy;
}

StatementPtr make(Kind kind, int line) {
  auto node = std::make_unique<Statement>();
  node->kind = kind;
  node->line = line;
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(&tokens_) {}

  Body run() { return body({}); }

 private:
  using Names = std::initializer_list<std::string_view>;

  bool at_any(Names names) const {
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return tokens_.at_name(name); });
  }

  // Statements up to a tag with one of the names, which is the next token then; up to the end when there are none.
  Body body(Names ends) {
    if (++nesting_ > kMostNesting) {
      fail_at(tokens_.line(), fmt::format("blocks nested deeper than {} levels", kMostNesting));
    }
    Body statements;
    while (!tokens_.at(Token::Type::end)) {
      if (tokens_.at(Token::Type::block_begin)) {
        tokens_.take();
        if (at_any(ends)) break;
        statements.push_back(statement());
        tokens_.expect(Token::Type::block_end);
      } else {
        statements.push_back(output());
      }
    }
    if (ends.size() > 0 && tokens_.at(Token::Type::end)) {
      tokens_.refuse(fmt::format("expected '{}'", std::string_view(*(ends.end() - 1))));
    }
    --nesting_;
    return statements;
  }

  StatementPtr output() {
    const int line = tokens_.line();
    if (tokens_.at(Token::Type::data)) {
      StatementPtr node = make(Kind::text, line);
      node->text = tokens_.take().text;
      return node;
    }
    tokens_.take();
    StatementPtr node = make(Kind::print, line);
    node->value = expressions_.tuple();
    tokens_.expect(Token::Type::variable_end);
    return node;
  }

  // The body of a tag whose head ends here.
  Body inner(Names ends) {
    tokens_.skip_op(":");
    tokens_.expect(Token::Type::block_end);
    return body(ends);
  }
  Body inner_to(std::string_view end) {
    Body statements = inner({end});
    tokens_.take();
    return statements;
  }

  StatementPtr statement() {
    struct Tag {
      std::string_view name;
      StatementPtr (Parser::*parse)(int line);
    };
    static constexpr Tag kTags[] = {{"if", &Parser::condition},     {"for", &Parser::loop},
                                    {"set", &Parser::set},          {"macro", &Parser::macro},
                                    {"call", &Parser::call_block},  {"filter", &Parser::filter_block},
                                    {"with", &Parser::with},        {"generation", &Parser::generation},
                                    {"break", &Parser::leave_loop}, {"continue", &Parser::next_turn},
                                    {"print", &Parser::print}};
    if (!tokens_.at(Token::Type::name)) tokens_.refuse("expected the name of a tag");
    const auto* tag = std::find_if(std::begin(kTags), std::end(kTags),
                                   [&](const Tag& candidate) { return tokens_.at_name(candidate.name); });
    if (tag == std::end(kTags)) tokens_.refuse("expected a known tag");
    const int line = tokens_.take().line;
    return (this->*tag->parse)(line);
  }

  StatementPtr condition(int line) {
    StatementPtr node = make(Kind::condition, line);
    do {
      ExpressionPtr test = expressions_.tuple(false);
      node->branches.push_back({std::move(test), inner({"elif", "else", "endif"})});
    } while (tokens_.skip_name("elif"));
    if (tokens_.take().text == "else") node->otherwise = inner_to("endif");
    return node;
  }

  StatementPtr loop(int line) {
    StatementPtr node = make(Kind::loop, line);
    node->target = expressions_.target(false, "in");
    tokens_.expect_name("in");
    node->value = expressions_.tuple(false, "recursive");
    if (tokens_.skip_name("if")) {
      node->test = expressions_.expression();
      node->test_target = copy_of_target(*node->target);
    }
    node->recursive = tokens_.skip_name("recursive");
    node->body = inner({"else", "endfor"});
    if (tokens_.take().text == "else") node->otherwise = inner_to("endfor");
    return node;
  }

  StatementPtr set(int line) {
    ExpressionPtr target = expressions_.target(true);
    const bool plain = tokens_.skip_op("=");
    StatementPtr node = make(plain ? Kind::assignment : Kind::block_assignment, line);
    node->target = std::move(target);
    if (plain) {
      node->value = expressions_.tuple();
    } else {
      node->value = expressions_.filters(false);
      node->body = inner_to("endset");
    }
    return node;
  }

  Signature signature() {
    Signature signature;
    tokens_.expect_op("(");
    while (!tokens_.at_op(")")) {
      if (!signature.parameters.empty()) tokens_.expect_op(",");
      signature.parameters.push_back(expressions_.target_name());
      if (tokens_.skip_op("=")) {
        signature.defaults.push_back(expressions_.expression());
      } else if (!signature.defaults.empty()) {
        tokens_.refuse("expected a default, as the parameter before has one");
      }
    }
    tokens_.expect_op(")");
    return signature;
  }

  StatementPtr macro(int line) {
    StatementPtr node = make(Kind::macro, line);
    node->target = expressions_.target_name();
    node->signature = signature();
    node->body = inner_to("endmacro");
    return node;
  }

  StatementPtr call_block(int line) {
    StatementPtr node = make(Kind::call_block, line);
    if (tokens_.at_op("(")) node->signature = signature();
    node->value = expressions_.expression();
    if (node->value->kind != Expression::Kind::call) fail_at(line, "a call block without a call");
    node->body = inner_to("endcall");
    return node;
  }

  StatementPtr filter_block(int line) {
    StatementPtr node = make(Kind::filter_block, line);
    node->value = expressions_.filters(true);
    node->body = inner_to("endfilter");
    return node;
  }

  StatementPtr with(int line) {
    StatementPtr node = make(Kind::with, line);
    while (!tokens_.at(Token::Type::block_end)) {
      if (!node->targets.empty()) tokens_.expect_op(",");
      node->targets.push_back(expressions_.target(false));
      tokens_.expect_op("=");
      node->values.push_back(expressions_.expression());
    }
    node->body = inner_to("endwith");
    return node;
  }

  StatementPtr generation(int line) {
    StatementPtr node = make(Kind::generation, line);
    node->body = inner_to("endgeneration");
    return node;
  }

  StatementPtr print(int line) {
    StatementPtr node = make(Kind::print, line);
    node->value = expressions_.expression();
    return node;
  }

  StatementPtr leave_loop(int line) { return make(Kind::leave_loop, line); }
  StatementPtr next_turn(int line) { return make(Kind::next_turn, line); }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int nesting_ = 0;
};

}  // namespace

Template parse(std::string_view source) {
  Template parsed;
  parsed.body = Parser(source).run();
  return parsed;
}

}  // namespace t6::jinja
