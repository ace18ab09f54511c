// Which endpoint answers a request.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/endpoints.h"

namespace t6 {

enum class RouteKind {
  early,  // before there is a model and without a key; the service is not looked at
  open,   // without a key
  quick,  // at once
  slow    // on a thread that may take its time
};

struct Route {
  std::string_view method, path;
  Endpoint endpoint;
  RouteKind kind;
  ErrorForm errors = ErrorForm::openai;
};

std::span<const Route> routes();
// Null: there is none.
const Route* find_route(std::string_view method, std::string_view path);
// Runs the endpoint; what it throws is the answer.
void answer(const Route& route, const Service& service, const std::shared_ptr<Exchange>& exchange);
// "GET, HEAD" of the methods that a path has; empty: no such path.
std::string methods_of(std::string_view path);

}  // namespace t6
