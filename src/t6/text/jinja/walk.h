// Passing over syntax trees.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

// Calls `visit` for each direct part of an expression, in the order in which Jinja2 visits them.
template <typename Visit>
void for_each_part(Expression* node, Visit&& visit) {
  for (const ExpressionPtr& part : node->parts) {
    if (part) visit(part.get());
  }
  for (const ExpressionPtr& argument : node->arguments.positional) visit(argument.get());
  for (const auto& [name, argument] : node->arguments.keywords) visit(argument.get());
  if (node->arguments.star) visit(node->arguments.star.get());
  if (node->arguments.double_star) visit(node->arguments.double_star.get());
}

// Which of `names` the statements read before they set them: those that Jinja2 finds "undeclared".
std::vector<std::string_view> undeclared(const Body& body, std::vector<std::string_view> names);

// Whether a statement inside sets the name, by set or as the target of a loop.
bool assigns(const Statement& statement, std::string_view name);

}  // namespace t6::jinja
