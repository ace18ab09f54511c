// Runs a syntax tree.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "t6/text/jinja/call_arguments.h"
#include "t6/text/jinja/objects.h"
#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

class Interpreter {
 public:
  // All must outlive the interpreter.
  Interpreter(const Template& parsed, const Dict& variables, Runtime* runtime)
      : template_(parsed), variables_(variables), runtime_(*runtime) {}
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  std::string run();
  // Bytes of the output that generation blocks made: begin, end.
  const std::vector<std::pair<size_t, size_t>>& generated() const { return generated_; }
  // Where the template is, or where it failed.
  int line() const { return line_; }

 private:
  enum class Flow { next_statement, leave_loop, next_turn };
  class FilteredSource;
  class AtLine;
  class Capture;

  // statements.cc
  Flow run(const Body& body, Activation* frame);
  Flow run(const Statement& node, Activation* frame);
  Flow run_here(const Statement& node, Activation* frame);
  void run_simple(const Statement& node, Activation* frame);
  Flow run_captured(const Body& body, Activation* frame, std::string* text);
  Flow condition(const Statement& node, Activation* frame);
  Flow with(const Statement& node, Activation* frame);
  Flow filter_block(const Statement& node, Activation* frame);
  Flow block_assignment(const Statement& node, Activation* frame);
  Value macro(const Statement& node, Activation* frame);
  void generation(const Statement& node, Activation* frame);
  void call_block(const Statement& node, Activation* frame);
  void write(std::string_view text);
  void write_text(const Value& value);  // Error: no text
  void enter(const Scope& scope, Activation* frame);
  void assign(const Expression& target, const Value& value, Activation* frame);
  // loops.cc
  Flow loop(const Statement& node, Activation* frame);
  Flow turns(const Statement& node, const Value& items, Activation* frame, Activation* closure, int depth);
  Flow turns(const Statement& node, Source* source, Loop* loop, Activation* frame);
  std::string recursive_loop(const Statement& node, const Value& items, Activation* closure, int depth);
  // expressions.cc
  Value evaluate(const Expression& node, Activation* frame);
  Value evaluate_here(const Expression& node, Activation* frame);
  Value name(const Expression& node, Activation* frame);
  Value binary(const Expression& node, Activation* frame);
  Value operation(const Expression& node, Activation* frame);
  Value logic(const Expression& node, Activation* frame);
  Value item(const Expression& node, Activation* frame);
  Value test(const Expression& node, Activation* frame);
  Value comparison(const Expression& node, Activation* frame);
  Value concatenation(const Expression& node, Activation* frame);
  Value conditional(const Expression& node, Activation* frame);
  Value list(const Expression& node, Activation* frame);
  Value dict(const Expression& node, Activation* frame);
  Value slice(const Expression& node, Activation* frame);
  Value filter(const Expression& node, Activation* frame, const Value* input);
  Value call(const Expression& node, Activation* frame, const Value* caller);
  CallArguments arguments(const Arguments& given, Activation* frame);
  // calls.cc
  Value call(const Value& function, const CallArguments& arguments);
  Value call_macro(const Macro& macro, CallArguments arguments);
  void bind_parameters(const Macro& macro, CallArguments arguments, Activation* frame);
  void bind_specials(const Macro& macro, CallArguments arguments, size_t parameters, Activation* frame);
  Value call_loop(const Loop& loop, const CallArguments& arguments);
  Value call_joiner(Joiner* joiner, const CallArguments& arguments);
  Value resolve(const std::string& name) const;
  // Keeps what objects refer to.
  void leave(std::unique_ptr<Activation> frame);

  const Template& template_;
  const Dict& variables_;
  Runtime& runtime_;
  std::string output_;
  int captures_ = 0;  // that take what is written
  std::vector<std::pair<size_t, size_t>> generated_;
  std::vector<std::unique_ptr<Activation>> kept_;
  int line_ = 1;
};

// Sends what is written elsewhere for a while.
class Interpreter::Capture {
 public:
  explicit Capture(Interpreter* interpreter)
      : interpreter_(*interpreter), outer_(std::exchange(interpreter->output_, {})) {
    ++interpreter_.captures_;
  }
  ~Capture() {
    interpreter_.output_ = std::move(outer_);
    --interpreter_.captures_;
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  std::string take() { return std::exchange(interpreter_.output_, {}); }

 private:
  Interpreter& interpreter_;
  std::string outer_;
};

// Holds the line while a node runs, and leaves it where an error came up.
class Interpreter::AtLine {
 public:
  AtLine(Interpreter* interpreter, int line) : interpreter_(*interpreter), outer_(interpreter->line_) {
    interpreter_.line_ = line;
  }
  void done() { interpreter_.line_ = outer_; }

 private:
  Interpreter& interpreter_;
  int outer_;
};

}  // namespace t6::jinja
