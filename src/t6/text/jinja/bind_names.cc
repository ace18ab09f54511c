#include "t6/text/jinja/bind_names.h"

#include <algorithm>
#include <set>

#include "t6/text/jinja/filters.h"
#include "t6/text/jinja/lexer.h"
#include "t6/text/jinja/symbols.h"
#include "t6/text/jinja/tests.h"
#include "t6/text/jinja/walk.h"

namespace t6::jinja {
namespace {

using Kind = Statement::Kind;

// First pass over a scope: which names it reads and sets, not looking into inner scopes.
class Collector {
 public:
  explicit Collector(Symbols* symbols) : symbols_(*symbols) {}

  void body(const Body& statements) {
    for (const StatementPtr& node : statements) statement(*node);
  }
  void read(Expression* node) {
    if (node == nullptr) return;
    if (node->kind == Expression::Kind::name) symbols_.load(node->text);
    for_each_part(node, [this](Expression* part) { read(part); });
  }
  void declare(const Expression& target) {
    if (target.kind == Expression::Kind::name) symbols_.declare(target.text);
    for (const ExpressionPtr& part : target.parts) declare(*part);
  }

 private:
  void statement(const Statement& node) {
    switch (node.kind) {
      case Kind::condition:
        return condition(node);
      case Kind::macro:
        return symbols_.store(node.target->text);
      case Kind::with:
        for (const ExpressionPtr& value : node.values) read(value.get());
        return;
      case Kind::block_assignment:
        return store(*node.target);
      default:
        break;  // print, assignment, and the heads of loops, call blocks and filter blocks
    }
    read(node.value.get());
    if (node.kind == Kind::assignment) store(*node.target);
  }

  void store(const Expression& target) {
    if (target.kind == Expression::Kind::name) symbols_.store(target.text);
    if (target.kind == Expression::Kind::attribute_of_namespace) symbols_.load(target.text);
    for (const ExpressionPtr& part : target.parts) store(*part);
  }

  void condition(const Statement& node) {
    read(node.branches[0].test.get());
    std::vector<Symbols> branches;
    branches.push_back(collect(node.branches[0].body));
    Symbols others = Symbols::branch(symbols_);
    for (size_t i = 1; i < node.branches.size(); ++i) {
      Collector inner(&others);
      inner.read(node.branches[i].test.get());
      std::vector<Symbols> one;
      one.push_back(inner.collect(node.branches[i].body));
      others.merge(one);
    }
    branches.push_back(std::move(others));
    branches.push_back(collect(node.otherwise));
    symbols_.merge(branches);
  }

  Symbols collect(const Body& statements) const {
    Symbols symbols = Symbols::branch(symbols_);
    Collector(&symbols).body(statements);
    return symbols;
  }

  Symbols& symbols_;
};

// Where a statement stands.
struct Place {
  const Symbols* symbols;
  bool in_loop = false;
  bool guarded = false;  // by a condition, so that an unknown filter is an error only when it is used
};

// Second pass: binds names, scope by scope.
class Binder {
 public:
  void body(const Body& statements, const Place& place) {
    for (const StatementPtr& node : statements) statement(node.get(), place);
  }

 private:
  void expression(Expression* node, const Place& place) {
    if (node == nullptr) return;
    if (node->kind == Expression::Kind::name || node->kind == Expression::Kind::attribute_of_namespace) {
      node->variable = place.symbols->variable(node->text);
    }
    Place inner = place;
    if (node->kind == Expression::Kind::conditional) inner.guarded = true;
    const bool filter = node->kind == Expression::Kind::filter;
    if ((filter || node->kind == Expression::Kind::test) && !place.guarded &&
        !(filter ? is_filter(node->text) : is_test(node->text))) {
      fail_at(node->line, fmt::format("no {} named '{}'", filter ? "filter" : "test", node->text));
    }
    for_each_part(node, [&](Expression* part) { expression(part, inner); });
  }

  void statement(Statement* node, const Place& place) {
    switch (node->kind) {
      case Kind::text:
        return;
      case Kind::print:
      case Kind::assignment:
        expression(node->value.get(), place);
        return expression(node->target.get(), place);
      case Kind::condition:
        return condition(node, place);
      case Kind::loop:
        return loop(node, place);
      case Kind::block_assignment:
        return block_assignment(node, place);
      case Kind::macro:
        expression(node->target.get(), place);
        return function(node, place);
      case Kind::call_block:
        expression(node->value.get(), place);
        return function(node, place);
      case Kind::generation:
        return function(node, place);
      case Kind::filter_block:
        return filter_block(node, place);
      case Kind::with:
        return with(node, place);
      case Kind::leave_loop:
      case Kind::next_turn:
        if (!place.in_loop) fail_at(node->line, "break or continue outside of a loop");
    }
  }

  void condition(Statement* node, Place place) {
    place.guarded = true;
    for (const Branch& branch : node->branches) {
      expression(branch.test.get(), place);
      body(branch.body, place);
    }
    body(node->otherwise, place);
  }

  void loop(Statement* node, const Place& place) {
    if (assigns(*node, "loop")) fail_at(node->line, "a loop that sets its variable loop");
    expression(node->value.get(), place);
    FunctionLayout own{place.symbols->function(), place.symbols->function()->depth + 1, 0};
    FunctionLayout* layout = node->recursive ? &own : place.symbols->function();
    node->has_loop = node->recursive || !undeclared(node->body, {"loop"}).empty();

    Symbols symbols(layout, place.symbols);
    if (node->has_loop) symbols.declare("loop");
    Collector collector(&symbols);
    collector.declare(*node->target);
    collector.body(node->body);
    if (node->has_loop) node->loop = symbols.variable("loop");
    node->scope = symbols.scope();
    expression(node->target.get(), {&symbols});
    body(node->body, {&symbols, true, false});
    loop_test(node, layout, place);
    loop_otherwise(node, layout, place);
    node->slots = own.slots;
  }

  void loop_test(Statement* node, FunctionLayout* layout, const Place& place) {
    if (!node->test) return;
    Symbols symbols(layout, place.symbols);
    Collector collector(&symbols);
    collector.declare(*node->test_target);
    collector.read(node->test.get());
    node->test_scope = symbols.scope();
    expression(node->test_target.get(), {&symbols});
    expression(node->test.get(), {&symbols});
  }

  void loop_otherwise(Statement* node, FunctionLayout* layout, const Place& place) {
    Symbols symbols(layout, place.symbols);
    Collector(&symbols).body(node->otherwise);
    node->otherwise_scope = symbols.scope();
    body(node->otherwise, {&symbols, place.in_loop && !node->recursive, false});
  }

  void block_assignment(Statement* node, const Place& place) {
    Symbols symbols(place.symbols->function(), place.symbols);
    Collector collector(&symbols);
    collector.body(node->body);
    collector.read(node->value.get());
    node->scope = symbols.scope();
    expression(node->target.get(), place);
    expression(node->value.get(), {&symbols});
    body(node->body, {&symbols, place.in_loop, false});
  }

  void filter_block(Statement* node, const Place& place) {
    Symbols symbols(place.symbols->function(), place.symbols);
    Collector collector(&symbols);
    collector.body(node->body);
    collector.read(node->value.get());
    node->scope = symbols.scope();
    expression(node->value.get(), {&symbols});
    body(node->body, {&symbols, place.in_loop, false});
  }

  void with(Statement* node, const Place& place) {
    for (const ExpressionPtr& value : node->values) expression(value.get(), place);
    Symbols symbols(place.symbols->function(), place.symbols);
    Collector collector(&symbols);
    for (const ExpressionPtr& target : node->targets) collector.declare(*target);
    collector.body(node->body);
    node->scope = symbols.scope();
    for (const ExpressionPtr& target : node->targets) expression(target.get(), {&symbols});
    body(node->body, {&symbols, place.in_loop, false});
  }

  // The body of a macro, a call block or a generation block.
  void function(Statement* node, const Place& place) {
    FunctionLayout own{place.symbols->function(), place.symbols->function()->depth + 1, 0};
    Symbols symbols(&own, place.symbols);
    Signature& signature = node->signature;
    Collector collector(&symbols);
    for (const ExpressionPtr& parameter : signature.parameters) collector.declare(*parameter);
    special_variables(node, &symbols);
    for (const ExpressionPtr& value : signature.defaults) collector.read(value.get());
    collector.body(node->body);
    node->scope = symbols.scope();
    const Place inside{&symbols};
    for (const ExpressionPtr& parameter : signature.parameters) expression(parameter.get(), inside);
    for (const ExpressionPtr& value : signature.defaults) expression(value.get(), inside);
    body(node->body, inside);
    node->slots = own.slots;
  }

  static void special_variables(Statement* node, Symbols* symbols) {
    Signature& signature = node->signature;
    std::set<std::string> parameters;
    for (const ExpressionPtr& parameter : signature.parameters) {
      if (!parameters.insert(parameter->text).second) fail_at(node->line, "two parameters with the same name");
    }
    for (const std::string_view name : undeclared(node->body, {"caller", "kwargs", "varargs"})) {
      if (name == "caller") check_caller(*node);
      if (parameters.contains(std::string(name))) continue;
      auto variable = std::make_unique<Expression>();
      variable->kind = Expression::Kind::name;
      variable->text = name;
      symbols->declare(variable->text);
      variable->variable = symbols->variable(variable->text);
      (name == "caller"   ? signature.caller
       : name == "kwargs" ? signature.keywords
                          : signature.rest) = std::move(variable);
    }
  }

  static void check_caller(const Statement& node) {
    const std::vector<ExpressionPtr>& parameters = node.signature.parameters;
    const size_t required = parameters.size() - node.signature.defaults.size();
    for (size_t i = 0; i < required; ++i) {
      if (parameters[i]->text == "caller") fail_at(node.line, "the parameter caller must have a default");
    }
  }
};

}  // namespace

void bind_names(Template* parsed) {
  FunctionLayout layout;
  Symbols symbols(&layout, nullptr);
  Collector(&symbols).body(parsed->body);
  Binder().body(parsed->body, {&symbols});
  parsed->scope = symbols.scope();
  parsed->slots = layout.slots;
}

}  // namespace t6::jinja
