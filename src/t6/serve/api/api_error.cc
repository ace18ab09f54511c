#include "t6/serve/api/api_error.h"

namespace t6 {
namespace {

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

// Anthropic has names of its own for what OpenAI has none for.
std::string_view anthropic_error_type(int status) {
  switch (status) {
    case 413:
      return "request_too_large";
    case 503:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status < 500 ? error_type(status) : "api_error";
  }
}

OrderedJson or_null(const std::string& text) { return text.empty() ? OrderedJson(nullptr) : OrderedJson(text); }

}  // namespace

OrderedJson error_json(const ApiError& error, ErrorForm form) {
  if (form == ErrorForm::anthropic) {
    return {{"type", "error"}, {"error", {{"type", anthropic_error_type(error.status())}, {"message", error.what()}}}};
  }
  return {{"error",
           {{"message", error.what()},
            {"type", error_type(error.status())},
            {"param", or_null(error.parameter())},
            {"code", or_null(error.code())}}}};
}

HttpResponse error_response(const ApiError& error, ErrorForm form) {
  HttpResponse response = {error.status(), json_text(error_json(error, form))};
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

HttpResponse overloaded_response(ErrorForm form) {
  HttpResponse response =
      error_response(ApiError(503, "the server has too much to do; try again later", {}, "overloaded"), form);
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

}  // namespace t6
