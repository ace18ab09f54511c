#include "t6/serve/api/api_error.h"

#include "t6/serve/api/json_text.h"

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

OrderedJson or_null(const std::string& text) { return text.empty() ? OrderedJson(nullptr) : OrderedJson(text); }

}  // namespace

std::string error_json(const ApiError& error) {
  return json_text({{"error",
                     {{"message", error.what()},
                      {"type", error_type(error.status())},
                      {"param", or_null(error.parameter())},
                      {"code", or_null(error.code())}}}});
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response = {error.status(), error_json(error)};
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

HttpResponse overloaded_response() {
  HttpResponse response =
      error_response(ApiError(503, "the server has too much to do; try again later", {}, "overloaded"));
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

}  // namespace t6
