#include "t6/text/jinja/interpreter.h"

namespace t6::jinja {
// The items of a loop for which its test holds. The test has variables of its own.
class Interpreter::FilteredSource : public Source {
 public:
  FilteredSource(std::unique_ptr<Source> source, const Statement& node, Activation* frame, Interpreter* interpreter)
      : source_(std::move(source)), node_(node), frame_(frame), interpreter_(*interpreter) {}

  bool next(Value* item) override {
    require(!running_, "generator already executing");
    const Runtime::Level level(&interpreter_.runtime_);
    running_ = true;
    if (!begun_) interpreter_.enter(node_.test_scope, frame_);
    begun_ = true;
    bool found = false;
    while (!found && source_->next(item)) {
      interpreter_.assign(*node_.test_target, *item, frame_);
      found = truth(interpreter_.evaluate(*node_.test, frame_));
      if (found) *item = target(*node_.test_target);
    }
    running_ = false;
    return found;
  }

 private:
  // What the target holds; items that it took apart become tuples.
  Value target(const Expression& node) {
    if (node.kind == Expression::Kind::name) return frame_->at(node.variable);
    std::vector<Value> parts;
    for (const ExpressionPtr& part : node.parts) parts.push_back(target(*part));
    return interpreter_.runtime_.tuple(std::move(parts));
  }

  std::unique_ptr<Source> source_;
  const Statement& node_;
  Activation* frame_;
  Interpreter& interpreter_;
  bool begun_ = false;
  bool running_ = false;
};

Interpreter::Flow Interpreter::loop(const Statement& node, Activation* frame) {
  const Value items = evaluate(*node.value, frame);
  if (!node.recursive) return turns(node, items, frame, nullptr, 0);
  frame->captured = true;
  write(recursive_loop(node, items, frame, 0));
  return Flow::next_statement;
}

std::string Interpreter::recursive_loop(const Statement& node, const Value& items, Activation* closure, int depth) {
  const Runtime::Level level(&runtime_);
  auto frame = std::make_unique<Activation>(node.slots, closure);
  Capture capture(this);
  turns(node, items, frame.get(), closure, depth);
  leave(std::move(frame));
  return capture.take();
}

Interpreter::Flow Interpreter::turns(const Statement& node, const Value& items, Activation* frame, Activation* closure,
                                     int depth) {
  std::unique_ptr<Source> source = runtime_.iterate(items);
  if (node.test) source = std::make_unique<FilteredSource>(std::move(source), node, frame, this);
  if (!node.has_loop) return turns(node, source.get(), nullptr, frame);
  if (node.test) frame->captured = true;
  auto* loop = runtime_.make<Loop>(std::move(source), node.test ? -1 : known_length(items), &node, closure, depth);
  return turns(node, nullptr, loop, frame);
}

Interpreter::Flow Interpreter::turns(const Statement& node, Source* source, Loop* loop, Activation* frame) {
  bool none_finished = true;
  for (Value item; loop != nullptr ? loop->next(&item) : source->next(&item);) {
    assign(*node.target, item, frame);
    enter(node.scope, frame);
    if (loop != nullptr) frame->at(node.loop) = Value(static_cast<Object*>(loop));
    const Flow flow = run(node.body, frame);
    if (flow == Flow::leave_loop) break;
    // As in Jinja2, a turn that `continue` ends does not count.
    if (flow == Flow::next_statement) none_finished = false;
  }
  if (!none_finished) return Flow::next_statement;
  enter(node.otherwise_scope, frame);
  return run(node.otherwise, frame);
}

}  // namespace t6::jinja
