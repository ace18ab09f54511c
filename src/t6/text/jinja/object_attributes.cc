#include "t6/text/jinja/object_attributes.h"

#include "t6/text/jinja/objects.h"

namespace t6::jinja {
namespace {

Value method(const Value& self, std::string_view name) {
  return Value(std::make_shared<const Method>(Method{self, name}));
}

Value loop_attribute(const Value& self, Loop* loop, std::string_view name, Runtime* runtime) {
  if (name == "index") return Value(loop->index() + 1);
  if (name == "index0") return Value(loop->index());
  if (name == "first") return Value(loop->index() == 0);
  if (name == "last") return Value(loop->last());
  if (name == "length") return Value(loop->length());
  if (name == "revindex") return Value(loop->length() - loop->index());
  if (name == "revindex0") return Value(loop->length() - loop->index() - 1);
  if (name == "previtem") return loop->previous(runtime);
  if (name == "nextitem") return loop->following(runtime);
  if (name == "depth") return Value(int64_t{loop->depth() + 1});
  if (name == "depth0") return Value(int64_t{loop->depth()});
  if (name == "cycle") return method(self, "cycle");
  if (name == "changed") return method(self, "changed");
  return Value();
}

Value macro_attribute(const Macro& macro, std::string_view name, Runtime* runtime) {
  const Signature& signature = macro.node->signature;
  if (name == "name") return macro.node->target ? runtime->text(macro.node->target->text) : Value::none();
  if (name == "catch_kwargs") return Value(signature.keywords != nullptr);
  if (name == "catch_varargs") return Value(signature.rest != nullptr);
  if (name == "caller") return Value(signature.caller != nullptr);
  if (name != "arguments") return Value();
  std::vector<Value> names;
  for (const ExpressionPtr& parameter : signature.parameters) names.push_back(runtime->text(parameter->text));
  return runtime->tuple(std::move(names));
}

Value cycler_attribute(const Value& self, const Cycler& cycler, std::string_view name, Runtime* runtime) {
  if (name == "current") return cycler.items[cycler.position];
  if (name == "pos") return Value(static_cast<int64_t>(cycler.position));
  if (name == "items") return runtime->tuple(cycler.items);
  if (name == "next") return method(self, "next");
  if (name == "reset") return method(self, "reset");
  return Value();
}

Value call_loop(Loop* loop, std::string_view name, const CallArguments& arguments, Runtime* runtime) {
  require(arguments.keywords.empty(), "loop.{} takes no named arguments", name);
  const std::vector<Value>& values = arguments.positional;
  if (name == "changed") {
    for (const Value& value : values) runtime->charge(weight_of(value));
    return Value(loop->changed(runtime->tuple(values)));
  }
  require(!values.empty(), "no items for cycling given");
  return values[static_cast<size_t>(loop->index()) % values.size()];
}

Value call_cycler(Cycler* cycler, std::string_view name, const CallArguments& arguments) {
  const Parameters none(name, arguments, {});
  if (name == "reset") {
    cycler->position = 0;
    return Value::none();
  }
  const Value current = cycler->items[cycler->position];
  cycler->position = (cycler->position + 1) % cycler->items.size();
  return current;
}

}  // namespace

Value object_attribute(const Value& object, std::string_view name, Runtime* runtime) {
  if (const auto* space = object.object<Namespace>()) {
    const Value* found = space->attributes.find(name);
    return found == nullptr ? Value() : *found;
  }
  if (auto* loop = object.object<Loop>()) return loop_attribute(object, loop, name, runtime);
  if (const auto* macro = object.object<Macro>()) return macro_attribute(*macro, name, runtime);
  if (const auto* cycler = object.object<Cycler>()) return cycler_attribute(object, *cycler, name, runtime);
  if (const auto* joiner = object.object<Joiner>()) {
    if (name == "sep") return joiner->separator;
    if (name == "used") return Value(joiner->used);
  }
  return Value();
}

Value call_object_method(const Method& method, const CallArguments& arguments, Runtime* runtime) {
  if (auto* loop = method.self.object<Loop>()) return call_loop(loop, method.name, arguments, runtime);
  return call_cycler(method.self.object<Cycler>(), method.name, arguments);
}

}  // namespace t6::jinja
