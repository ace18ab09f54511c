#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/attributes.h"
#include "t6/text/jinja/filters.h"
#include "t6/text/jinja/interpreter.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/tests.h"

namespace t6::jinja {

using ExpressionKind = Expression::Kind;

Value Interpreter::evaluate(const Expression& node, Activation* frame) {
  runtime_.charge(1);
  if (node.kind == ExpressionKind::constant) return node.value;
  if (node.kind == ExpressionKind::name) return name(node, frame);
  const Runtime::Level level(&runtime_);
  AtLine line(this, node.line);
  Value value = evaluate_here(node, frame);
  line.done();
  return value;
}

Value Interpreter::evaluate_here(const Expression& node, Activation* frame) {
  switch (node.kind) {
    case ExpressionKind::tuple:
    case ExpressionKind::list:
      return list(node, frame);
    case ExpressionKind::dict:
      return dict(node, frame);
    case ExpressionKind::conditional:
      return conditional(node, frame);
    case ExpressionKind::attribute:
      return get_attribute(evaluate(*node.parts[0], frame), node.text, &runtime_);
    case ExpressionKind::item:
      return item(node, frame);
    case ExpressionKind::slice:
      return slice(node, frame);
    case ExpressionKind::call:
      return call(node, frame, nullptr);
    case ExpressionKind::filter:
      return filter(node, frame, nullptr);
    case ExpressionKind::test:
      return test(node, frame);
    default:
      return operation(node, frame);
  }
}

Value Interpreter::operation(const Expression& node, Activation* frame) {
  switch (node.kind) {
    case ExpressionKind::unary:
      return apply(node.operators[0], evaluate(*node.parts[0], frame));
    case ExpressionKind::binary:
      return binary(node, frame);
    case ExpressionKind::both:
    case ExpressionKind::either:
      return logic(node, frame);
    case ExpressionKind::negation:
      return Value(!truth(evaluate(*node.parts[0], frame)));
    case ExpressionKind::comparison:
      return comparison(node, frame);
    default:
      return concatenation(node, frame);
  }
}

Value Interpreter::name(const Expression& node, Activation* frame) {
  const Value& value = frame->at(node.variable);
  return value.missing() ? runtime_.undefined(fmt::format("'{}' is undefined", node.text)) : value;
}

Value Interpreter::binary(const Expression& node, Activation* frame) {
  const Value left = evaluate(*node.parts[0], frame);
  return apply(node.operators[0], left, evaluate(*node.parts[1], frame), &runtime_);
}

Value Interpreter::logic(const Expression& node, Activation* frame) {
  Value left = evaluate(*node.parts[0], frame);
  return truth(left) == (node.kind == ExpressionKind::both) ? evaluate(*node.parts[1], frame) : left;
}

Value Interpreter::item(const Expression& node, Activation* frame) {
  const Value value = evaluate(*node.parts[0], frame);
  return get_item(value, evaluate(*node.parts[1], frame), &runtime_);
}

Value Interpreter::test(const Expression& node, Activation* frame) {
  const Value value = evaluate(*node.parts[0], frame);
  return Value(call_test(node.text, value, arguments(node.arguments, frame), &runtime_));
}

Value Interpreter::comparison(const Expression& node, Activation* frame) {
  Value left = evaluate(*node.parts[0], frame);
  for (size_t i = 0; i < node.operators.size(); ++i) {
    Value right = evaluate(*node.parts[i + 1], frame);
    if (!compare(node.operators[i], left, right, &runtime_)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::concatenation(const Expression& node, Activation* frame) {
  std::vector<Value> values;
  for (const ExpressionPtr& part : node.parts) values.push_back(evaluate(*part, frame));
  std::string text;
  for (const Value& value : values) {
    text += str(value, &runtime_);
    runtime_.check_text(text.size());
  }
  return runtime_.text(std::move(text));
}

Value Interpreter::conditional(const Expression& node, Activation* frame) {
  if (truth(evaluate(*node.parts[0], frame))) return evaluate(*node.parts[1], frame);
  if (node.parts[2]) return evaluate(*node.parts[2], frame);
  return runtime_.undefined(fmt::format(
      "the inline if-expression on line {} evaluated to false and no else section was defined.", node.line));
}

Value Interpreter::list(const Expression& node, Activation* frame) {
  std::vector<Value> items;
  for (const ExpressionPtr& part : node.parts) items.push_back(evaluate(*part, frame));
  return runtime_.list(std::move(items), node.kind == ExpressionKind::tuple ? List::Type::tuple : List::Type::list);
}

Value Interpreter::dict(const Expression& node, Activation* frame) {
  Dict items;
  for (size_t i = 0; i < node.parts.size(); i += 2) {
    Value key = evaluate(*node.parts[i], frame);
    runtime_.set(&items, std::move(key), evaluate(*node.parts[i + 1], frame));
  }
  return runtime_.dict(std::move(items));
}

Value Interpreter::slice(const Expression& node, Activation* frame) {
  const Value value = evaluate(*node.parts[0], frame);
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    if (node.parts[i + 1]) bounds[i] = evaluate(*node.parts[i + 1], frame);
  }
  return get_slice(value, bounds[0], bounds[1], bounds[2], &runtime_);
}

// input: what the first of a block's filters gets.
Value Interpreter::filter(const Expression& node, Activation* frame, const Value* input) {
  const Expression* operand = node.parts[0].get();
  const Value value = operand == nullptr ? *input
                      : input != nullptr ? filter(*operand, frame, input)
                                         : evaluate(*operand, frame);
  return call_filter(node.text, value, arguments(node.arguments, frame), &runtime_);
}

CallArguments Interpreter::arguments(const Arguments& given, Activation* frame) {
  CallArguments values;
  for (const ExpressionPtr& argument : given.positional) values.positional.push_back(evaluate(*argument, frame));
  if (given.star) {
    const std::vector<Value> more = runtime_.collect(evaluate(*given.star, frame));
    values.positional.insert(values.positional.end(), more.begin(), more.end());
  }
  for (const auto& [key, argument] : given.keywords) values.keywords.emplace_back(key, evaluate(*argument, frame));
  if (!given.double_star) return values;
  const Value more = evaluate(*given.double_star, frame);
  require(more.dict() != nullptr, "argument after ** must be a mapping, not {}", type_name(more));
  for (const auto& [key, value] : more.dict()->items) {
    require(key.text() != nullptr, "keywords must be strings");
    for (const auto& [known, argument] : given.keywords) {
      require(known != key.text()->bytes, "got multiple values for keyword argument '{}'", known);
    }
    require(values.keywords.size() < kMostKeywords, "a call with more than {} named arguments", kMostKeywords);
    values.keywords.emplace_back(key.text()->bytes, value);
  }
  return values;
}

Value Interpreter::call(const Expression& node, Activation* frame, const Value* caller) {
  const Value function = evaluate(*node.parts[0], frame);
  CallArguments values = arguments(node.arguments, frame);
  if (caller != nullptr) values.keywords.emplace_back("caller", *caller);
  return call(function, values);
}

}  // namespace t6::jinja
