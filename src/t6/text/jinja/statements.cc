#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/functions.h"
#include "t6/text/jinja/interpreter.h"
#include "t6/text/jinja/print.h"

namespace t6::jinja {

using Kind = Statement::Kind;

std::string Interpreter::run() {
  auto frame = std::make_unique<Activation>(template_.slots, nullptr);
  enter(template_.scope, frame.get());
  run(template_.body, frame.get());
  leave(std::move(frame));
  return std::move(output_);
}

void Interpreter::leave(std::unique_ptr<Activation> frame) {
  if (frame->captured) kept_.push_back(std::move(frame));
}

void Interpreter::write(std::string_view text) {
  output_ += text;
  runtime_.check_text(output_.size());
}

void Interpreter::write_text(const Value& value) {
  require(value.text() != nullptr, "the block gives a '{}' and no text", type_name(value));
  write(value.text()->bytes);
}

Value Interpreter::resolve(const std::string& name) const {
  const Value* found = variables_.find(std::string_view(name));
  return found != nullptr ? *found : find_function(name);
}

void Interpreter::enter(const Scope& scope, Activation* frame) {
  for (const Load& load : scope) {
    runtime_.charge(1);
    Value value;
    if (load.from == Load::From::outer) value = frame->at(load.outer);
    if (load.from == Load::From::context) value = resolve(load.name);
    frame->values[static_cast<size_t>(load.slot)] = std::move(value);
  }
}

void Interpreter::assign(const Expression& target, const Value& value, Activation* frame) {
  if (target.kind == Expression::Kind::name) {
    frame->at(target.variable) = value;
  } else if (target.kind == Expression::Kind::attribute_of_namespace) {
    auto* space = frame->at(target.variable).object<Namespace>();
    require(space != nullptr, "cannot assign attribute on non-namespace object");
    runtime_.set(&space->attributes, runtime_.text(target.attribute), value);
  } else {
    const std::vector<Value> items = runtime_.collect(value);
    require(items.size() == target.parts.size(), "cannot unpack {} values into {} names", items.size(),
            target.parts.size());
    for (size_t i = 0; i < items.size(); ++i) assign(*target.parts[i], items[i], frame);
  }
}

Interpreter::Flow Interpreter::run(const Body& body, Activation* frame) {
  for (const StatementPtr& node : body) {
    const Flow flow = run(*node, frame);
    if (flow != Flow::next_statement) return flow;
  }
  return Flow::next_statement;
}

Interpreter::Flow Interpreter::run_captured(const Body& body, Activation* frame, std::string* text) {
  Capture capture(this);
  const Flow flow = run(body, frame);
  *text = capture.take();
  return flow;
}

Interpreter::Flow Interpreter::run(const Statement& node, Activation* frame) {
  runtime_.charge(1);
  if (node.kind == Kind::text) {
    write(node.text);
    return Flow::next_statement;
  }
  const Runtime::Level level(&runtime_);
  AtLine line(this, node.line);
  const Flow flow = run_here(node, frame);
  line.done();
  return flow;
}

// Statements that can leave a loop, for they have bodies; the others follow.
Interpreter::Flow Interpreter::run_here(const Statement& node, Activation* frame) {
  switch (node.kind) {
    case Kind::condition:
      return condition(node, frame);
    case Kind::loop:
      return loop(node, frame);
    case Kind::block_assignment:
      return block_assignment(node, frame);
    case Kind::filter_block:
      return filter_block(node, frame);
    case Kind::with:
      return with(node, frame);
    case Kind::leave_loop:
      return Flow::leave_loop;
    case Kind::next_turn:
      return Flow::next_turn;
    default:
      run_simple(node, frame);
      return Flow::next_statement;
  }
}

void Interpreter::run_simple(const Statement& node, Activation* frame) {
  switch (node.kind) {
    case Kind::print:
      return write(str(evaluate(*node.value, frame), &runtime_));
    case Kind::assignment:
      return assign(*node.target, evaluate(*node.value, frame), frame);
    case Kind::macro:
      return assign(*node.target, macro(node, frame), frame);
    case Kind::call_block:
      return call_block(node, frame);
    default:
      return generation(node, frame);
  }
}

Value Interpreter::macro(const Statement& node, Activation* frame) {
  frame->captured = true;
  return Value(static_cast<Object*>(runtime_.make<Macro>(&node, frame)));
}

Interpreter::Flow Interpreter::condition(const Statement& node, Activation* frame) {
  for (const Branch& branch : node.branches) {
    if (truth(evaluate(*branch.test, frame))) return run(branch.body, frame);
  }
  return run(node.otherwise, frame);
}

Interpreter::Flow Interpreter::with(const Statement& node, Activation* frame) {
  enter(node.scope, frame);
  for (size_t i = 0; i < node.targets.size(); ++i) {
    assign(*node.targets[i], evaluate(*node.values[i], frame), frame);
  }
  return run(node.body, frame);
}

Interpreter::Flow Interpreter::filter_block(const Statement& node, Activation* frame) {
  enter(node.scope, frame);
  std::string text;
  const Flow flow = run_captured(node.body, frame, &text);
  if (flow != Flow::next_statement) return flow;
  const Value input = runtime_.text(std::move(text));
  write_text(filter(*node.value, frame, &input));
  return flow;
}

Interpreter::Flow Interpreter::block_assignment(const Statement& node, Activation* frame) {
  enter(node.scope, frame);
  std::string text;
  const Flow flow = run_captured(node.body, frame, &text);
  if (flow != Flow::next_statement) return flow;
  const Value input = runtime_.text(std::move(text));
  assign(*node.target, node.value ? filter(*node.value, frame, &input) : input, frame);
  return flow;
}

void Interpreter::generation(const Statement& node, Activation* frame) {
  const size_t begin = output_.size();
  auto inner = std::make_unique<Activation>(node.slots, frame);
  enter(node.scope, inner.get());
  run(node.body, inner.get());
  // Objects that outlive the block reach its variables through the frame, and those of the frame too.
  frame->captured = frame->captured || inner->captured;
  leave(std::move(inner));
  if (captures_ == 0) generated_.emplace_back(begin, output_.size());
}

void Interpreter::call_block(const Statement& node, Activation* frame) {
  const Value caller = macro(node, frame);
  write_text(call(*node.value, frame, &caller));
}

}  // namespace t6::jinja
