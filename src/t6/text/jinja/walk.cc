#include "t6/text/jinja/walk.h"

#include <algorithm>

namespace t6::jinja {
namespace {

class UndeclaredFinder {
 public:
  explicit UndeclaredFinder(std::vector<std::string_view> names) : names_(std::move(names)) {}

  void body(const Body& statements) {
    for (const StatementPtr& node : statements) statement(*node);
  }
  std::vector<std::string_view> found() && { return std::move(found_); }

 private:
  void statement(const Statement& node) {
    if (node.kind == Statement::Kind::block_assignment) {
      target(node.target.get());
      read(node.value.get());
      return body(node.body);
    }
    if (node.kind == Statement::Kind::filter_block) {
      body(node.body);
      return read(node.value.get());
    }
    if (node.kind == Statement::Kind::call_block) read(node.value.get());
    if (node.target) target(node.target.get());
    for (const ExpressionPtr& one : node.targets) target(one.get());
    for (const ExpressionPtr& value : node.values) read(value.get());
    for (const ExpressionPtr& parameter : node.signature.parameters) target(parameter.get());
    for (const ExpressionPtr& value : node.signature.defaults) read(value.get());
    if (node.kind != Statement::Kind::call_block) read(node.value.get());
    for (const Branch& branch : node.branches) {
      read(branch.test.get());
      body(branch.body);
    }
    body(node.body);
    body(node.otherwise);
    read(node.test.get());
  }

  void read(Expression* node) {
    if (node == nullptr) return;
    if (node->kind == Expression::Kind::name) {
      const auto name = std::find(names_.begin(), names_.end(), node->text);
      if (name != names_.end() && std::find(found_.begin(), found_.end(), *name) == found_.end()) {
        found_.push_back(*name);
      }
    }
    for_each_part(node, [this](Expression* part) { read(part); });
  }

  void target(Expression* node) {
    if (node->kind == Expression::Kind::name) std::erase(names_, node->text);
    for_each_part(node, [this](Expression* part) { target(part); });
  }

  std::vector<std::string_view> names_;
  std::vector<std::string_view> found_;
};

bool names(const Expression& target, std::string_view name) {
  if (target.kind == Expression::Kind::name) return target.text == name;
  return std::any_of(target.parts.begin(), target.parts.end(),
                     [&](const ExpressionPtr& part) { return names(*part, name); });
}

bool any_assigns(const Body& body, std::string_view name) {
  return std::any_of(body.begin(), body.end(), [&](const StatementPtr& node) { return assigns(*node, name); });
}

}  // namespace

std::vector<std::string_view> undeclared(const Body& body, std::vector<std::string_view> names) {
  UndeclaredFinder finder(std::move(names));
  finder.body(body);
  return std::move(finder).found();
}

bool assigns(const Statement& statement, std::string_view name) {
  return (statement.target && names(*statement.target, name)) || any_assigns(statement.body, name) ||
         any_assigns(statement.otherwise, name) ||
         std::any_of(statement.branches.begin(), statement.branches.end(),
                     [&](const Branch& branch) { return any_assigns(branch.body, name); });
}

}  // namespace t6::jinja
