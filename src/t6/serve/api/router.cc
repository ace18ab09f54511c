#include "t6/serve/api/router.h"

#include <array>

namespace t6 {
namespace {

using enum RouteKind;

constexpr std::array kRoutes = {
    Route{"GET", "/", show_page, early},
    Route{"GET", "/version", show_version, early},
    Route{"GET", "/openapi.json", show_openapi, early},
    Route{"GET", "/health", show_health, open},
    Route{"GET", "/ping", show_health, open},
    Route{"GET", "/metrics", show_metrics, open},
    Route{"GET", "/v1/models", show_models, quick},
    Route{"GET", "/tokenizer_info", show_tokenizer, quick},
    Route{"GET", "/props", show_properties, quick},
    Route{"POST", "/v1/completions", complete, slow},
    Route{"POST", "/v1/chat/completions", complete_chat, slow},
    Route{"POST", "/v1/responses", respond, slow},
    Route{"POST", "/v1/messages", answer_messages, slow, ErrorForm::anthropic},
    Route{"POST", "/v1/messages/count_tokens", count_message_tokens, slow, ErrorForm::anthropic},
    Route{"POST", "/v1/embeddings", embed, slow},
    Route{"POST", "/tokenize", tokenize, slow},
    Route{"POST", "/detokenize", detokenize, slow},
    Route{"GET", "/v1/cache/", send_conversation, slow},
    Route{"PUT", "/v1/cache", take_conversation, slow},
};

// A path that ends in a slash stands for those that begin with it.
bool leads_to(const Route& route, std::string_view path) {
  return path == route.path || (route.path.size() > 1 && route.path.ends_with('/') && path.starts_with(route.path));
}

}  // namespace

void answer(const Route& route, const Service& service, const std::shared_ptr<Exchange>& exchange) {
  try {
    route.endpoint(service, exchange);
  } catch (const ApiError& error) {
    exchange->reply(error_response(error, route.errors));
  } catch (const Error& error) {
    exchange->reply(error_response(ApiError(400, error.what()), route.errors));
  } catch (const std::exception& error) {
    exchange->reply(error_response(ApiError(500, error.what()), route.errors));
  }
}

std::span<const Route> routes() { return kRoutes; }

const Route* find_route(std::string_view method, std::string_view path) {
  for (const Route& route : kRoutes) {
    if (leads_to(route, path) && (route.method == method || (route.method == "GET" && method == "HEAD"))) return &route;
  }
  return nullptr;
}

std::string methods_of(std::string_view path) {
  std::string methods;
  for (const Route& route : kRoutes) {
    if (!leads_to(route, path)) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return methods;
}

}  // namespace t6
