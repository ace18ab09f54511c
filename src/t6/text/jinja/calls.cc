#include <algorithm>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/functions.h"
#include "t6/text/jinja/interpreter.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/print.h"

namespace t6::jinja {
namespace {

// Takes the keyword out; missing when it is not there.
Value take_keyword(CallArguments* arguments, std::string_view name) {
  auto& keywords = arguments->keywords;
  const auto found = std::find_if(keywords.begin(), keywords.end(), [&](const auto& one) { return one.first == name; });
  if (found == keywords.end()) return Value();
  Value value = found->second;
  keywords.erase(found);
  return value;
}

std::string macro_name(const Macro& macro) { return macro.node->target ? macro.node->target->text : "None"; }

}  // namespace

Value Interpreter::call(const Value& function, const CallArguments& arguments) {
  require_defined(function);
  if (const auto* method = function.shared<Method>()) return call_method(*method, arguments, &runtime_);
  if (const auto* found = function.get_if<const Function*>()) return call_function(**found, arguments, &runtime_);
  if (const auto* macro = function.object<Macro>()) return call_macro(*macro, arguments);
  if (const auto* loop = function.object<Loop>()) return call_loop(*loop, arguments);
  auto* joiner = function.object<Joiner>();
  require(joiner != nullptr, "'{}' object is not callable", type_name(function));
  return call_joiner(joiner, arguments);
}

Value Interpreter::call_macro(const Macro& macro, CallArguments arguments) {
  const Runtime::Level level(&runtime_);
  auto frame = std::make_unique<Activation>(macro.node->slots, macro.closure);
  runtime_.charge(macro.node->slots);
  std::string text;
  enter(macro.node->scope, frame.get());
  bind_parameters(macro, std::move(arguments), frame.get());
  run_captured(macro.node->body, frame.get(), &text);
  leave(std::move(frame));
  return runtime_.text(std::move(text));
}

void Interpreter::bind_parameters(const Macro& macro, CallArguments arguments, Activation* frame) {
  const Signature& signature = macro.node->signature;
  const std::vector<ExpressionPtr>& parameters = signature.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    frame->at(parameters[i]->variable) =
        i < arguments.positional.size() ? arguments.positional[i] : take_keyword(&arguments, parameters[i]->text);
  }
  bind_specials(macro, std::move(arguments), parameters.size(), frame);
  const size_t required = parameters.size() - signature.defaults.size();
  for (size_t i = 0; i < parameters.size(); ++i) {
    Value& value = frame->at(parameters[i]->variable);
    if (!value.missing()) continue;
    value = i >= required ? evaluate(*signature.defaults[i - required], frame)
                          : runtime_.undefined(fmt::format("parameter '{}' was not provided", parameters[i]->text));
  }
}

void Interpreter::bind_specials(const Macro& macro, CallArguments arguments, size_t parameters, Activation* frame) {
  const Signature& signature = macro.node->signature;
  if (signature.caller) {
    Value caller = take_keyword(&arguments, "caller");
    if (caller.missing() || caller.is_none()) caller = runtime_.undefined("No caller defined");
    frame->at(signature.caller->variable) = std::move(caller);
  }
  if (signature.keywords) {
    Dict keywords;
    for (const auto& [name, value] : arguments.keywords) runtime_.set(&keywords, runtime_.text(name), value);
    frame->at(signature.keywords->variable) = runtime_.dict(std::move(keywords));
  } else if (!arguments.keywords.empty()) {
    fail("macro '{}' takes no keyword argument '{}'", macro_name(macro), arguments.keywords[0].first);
  }
  std::vector<Value>& positional = arguments.positional;
  if (signature.rest) {
    positional.erase(positional.begin(),
                     positional.begin() + static_cast<ptrdiff_t>(std::min(parameters, positional.size())));
    frame->at(signature.rest->variable) = runtime_.tuple(std::move(positional));
  } else if (positional.size() > parameters) {
    fail("macro '{}' takes not more than {} argument(s)", macro_name(macro), parameters);
  }
}

Value Interpreter::call_loop(const Loop& loop, const CallArguments& arguments) {
  const Parameters parameters("loop", arguments, {"iterable"}, 1);
  require(loop.closure() != nullptr, "The loop must have the 'recursive' marker to be called recursively.");
  return runtime_.text(recursive_loop(*loop.node(), parameters.at(0), loop.closure(), loop.depth() + 1));
}

Value Interpreter::call_joiner(Joiner* joiner, const CallArguments& arguments) {
  const Parameters none("joiner", arguments, {});
  return std::exchange(joiner->used, true) ? joiner->separator : runtime_.text("");
}

}  // namespace t6::jinja
