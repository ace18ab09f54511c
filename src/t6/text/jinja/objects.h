// Values with a state.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "t6/text/jinja/runtime.h"
#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

// The variables of a called function. Objects that refer to one mark it, so that it outlives the call.
struct Activation : public Object {
  Activation(int slots, Activation* outer) : values(static_cast<size_t>(slots)), parent(outer) {}
  std::string_view type() const override { return "frame"; }

  Value& at(const Variable& variable) {
    Activation* activation = this;
    for (int i = 0; i < variable.hops; ++i) activation = activation->parent;
    return activation->values[static_cast<size_t>(variable.slot)];
  }

  std::vector<Value> values;
  Activation* parent;
  bool captured = false;
};

struct Namespace : public Object {
  std::string_view type() const override { return "Namespace"; }
  Dict attributes;
};

// A macro, or the body of a call block.
struct Macro : public Object {
  Macro(const Statement* statement, Activation* outer) : node(statement), closure(outer) {}
  std::string_view type() const override { return "Macro"; }
  const Statement* node;
  Activation* closure;
};

// The variable `loop`: passes over a loop's items and knows where it is.
class Loop : public Object {
 public:
  Loop(std::unique_ptr<Source> source, int64_t length, const Statement* node, Activation* closure, int depth)
      : source_(std::move(source)), length_(length), node_(node), closure_(closure), depth_(depth) {}
  std::string_view type() const override { return "LoopContext"; }

  bool next(Value* item);
  int64_t index() const { return index_; }  // from 0
  int64_t length();
  bool last();
  Value previous(Runtime* runtime) const;
  Value following(Runtime* runtime);
  bool changed(Value values);
  int depth() const { return depth_; }  // from 0
  const Statement* node() const { return node_; }
  Activation* closure() const { return closure_; }  // null: the loop is not recursive

 private:
  bool peek();

  std::unique_ptr<Source> source_;
  int64_t length_;  // -1: not known yet
  const Statement* node_;
  Activation* closure_;
  int depth_;
  int64_t index_ = -1;
  std::vector<Value> ahead_;  // read from the source already, the next one last
  bool ended_ = false;
  Value current_, previous_, changed_;
};

struct Cycler : public Object {
  explicit Cycler(std::vector<Value> values) : items(std::move(values)) {}
  std::string_view type() const override { return "Cycler"; }
  std::vector<Value> items;
  size_t position = 0;
};

struct Joiner : public Object {
  explicit Joiner(Value text) : separator(std::move(text)) {}
  std::string_view type() const override { return "Joiner"; }
  Value separator;
  bool used = false;
};

}  // namespace t6::jinja
