// A template's syntax tree. Names are bound to variables by bind_names (scopes.h).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "t6/text/jinja/value.h"

namespace t6::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using StatementPtr = std::unique_ptr<Statement>;
using Body = std::vector<StatementPtr>;

// A variable: `slot` of the activation `hops` functions further out.
struct Variable {
  int hops = 0;
  int slot = 0;
};

// What a variable begins with when its scope is entered.
struct Load {
  enum class From { nothing, outer, context };
  int slot = 0;
  From from = From::nothing;
  Variable outer;
  std::string name;  // in the context
};
using Scope = std::vector<Load>;

struct Arguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keywords;
  ExpressionPtr star;         // *args
  ExpressionPtr double_star;  // **kwargs
};

enum class Operator {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  negate,
  plus,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
};

struct Expression {
  enum class Kind {
    constant,                // value
    name,                    // text; variable
    attribute_of_namespace,  // text.attribute as a target; variable
    tuple,                   // parts
    list,                    // parts
    dict,                    // parts: key, value, key, value
    unary,                   // operators[0], parts[0]
    binary,                  // parts[0] operators[0] parts[1]
    both,                    // parts[0] and parts[1]
    either,                  // parts[0] or parts[1]
    negation,                // not parts[0]
    comparison,              // parts[0] operators[0] parts[1] operators[1] parts[2]
    concatenation,           // parts joined by ~
    conditional,             // parts[1] if parts[0] else parts[2], which may be null
    attribute,               // parts[0].text
    item,                    // parts[0][parts[1]]
    slice,                   // parts[0][parts[1]:parts[2]:parts[3]], of which all but the first may be null
    call,                    // parts[0](arguments)
    filter,                  // parts[0]|text(arguments); parts[0] is null in filter blocks
    test,                    // parts[0] is text(arguments)
  };
  Kind kind = Kind::constant;
  int line = 0;
  int depth = 1;  // of the tree
  std::string text;
  std::string attribute;
  Value value;
  Variable variable;
  std::vector<Operator> operators;
  std::vector<ExpressionPtr> parts;
  Arguments arguments;
};

struct Branch {
  ExpressionPtr test;
  Body body;
};

// Of a macro or call block. The last parameters have the defaults.
struct Signature {
  std::vector<ExpressionPtr> parameters;  // names
  std::vector<ExpressionPtr> defaults;
  // Special variables that the body uses and that are no parameters; null when it does not.
  ExpressionPtr caller, keywords, rest;
};

struct Statement {
  enum class Kind {
    text,              // text
    print,             // value
    condition,         // branches, otherwise
    loop,              // for target in value if test: body; otherwise
    assignment,        // target = value
    block_assignment,  // target = body, through value if there is one (a filter)
    macro,             // target, signature, body
    call_block,        // value (a call), signature, body
    generation,        // body
    filter_block,      // value (a filter), body
    with,              // targets[i] = values[i]; body
    leave_loop,
    next_turn,
  };
  Kind kind = Kind::text;
  int line = 0;
  std::string text;
  ExpressionPtr target, value, test;
  ExpressionPtr test_target;  // the target once more, for the test's own variables
  std::vector<ExpressionPtr> targets, values;
  std::vector<Branch> branches;
  Signature signature;
  Body body, otherwise;
  bool recursive = false;
  // Of a loop: whether it has the variable `loop`, and which.
  bool has_loop = false;
  Variable loop;
  // Of scopes and functions: what to do on entering the body, the test and the else branch; the variables of a
  // function.
  Scope scope, test_scope, otherwise_scope;
  int slots = 0;
};

struct Template {
  Body body;
  Scope scope;
  int slots = 0;
};

}  // namespace t6::jinja
