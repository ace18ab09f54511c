// Which variable a name is, in one scope. Follows Jinja2's analysis, so that templates see and keep the same values: a
// name that a scope sets is the scope's own from its beginning, with the outer value until then.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

// What is called with variables of its own: the template, macros, call blocks, recursive loops.
struct FunctionLayout {
  const FunctionLayout* parent = nullptr;
  int depth = 0;
  int slots = 0;
};

class Symbols {
 public:
  Symbols(FunctionLayout* function, const Symbols* parent) : function_(function), parent_(parent) {}
  // One branch of a condition in the scope `base`. Symbols of branches are merged into it afterwards.
  static Symbols branch(const Symbols& base) {
    Symbols symbols(base.function_, base.parent_);
    symbols.base_ = &base;
    return symbols;
  }

  void load(const std::string& name);
  void store(const std::string& name);
  void declare(const std::string& name);  // a parameter or a loop's target
  void merge(const std::vector<Symbols>& branches);

  // The variable, seen from this scope's function. The name must have been loaded, stored or declared.
  Variable variable(const std::string& name) const;
  // What to do on entering the scope.
  Scope scope() const;
  FunctionLayout* function() const { return function_; }

 private:
  struct Place {
    FunctionLayout* function;
    int slot;
  };
  std::optional<Place> find(const std::string& name) const;
  std::optional<Place> find_in_scope(const std::string& name) const;
  bool stores(const std::string& name) const;
  void define(const std::string& name, Load load, bool loads);
  Load load_from_outside(const std::string& name, const Place* outer) const;
  Variable relative(const Place& place) const;

  FunctionLayout* function_;
  const Symbols* parent_;          // of the scope around
  const Symbols* base_ = nullptr;  // of a branch
  std::map<std::string, int> slots_;
  std::map<int, Load> loads_;
  std::set<std::string> stores_;
};

}  // namespace t6::jinja
