// What is wrong with a request, as OpenAI's clients and Anthropic's read it.
#pragma once

#include <string>
#include <utility>

#include "t6/core/error.h"
#include "t6/serve/api/json_text.h"
#include "t6/serve/http/exchange.h"

namespace t6 {

class ApiError : public Error {
 public:
  ApiError(int status, const std::string& message, std::string parameter = {}, std::string code = {})
      : Error(message), status_(status), parameter_(std::move(parameter)), code_(std::move(code)) {}

  int status() const { return status_; }
  const std::string& parameter() const { return parameter_; }  // the key that is wrong; empty: none
  const std::string& code() const { return code_; }            // "context_length_exceeded"; empty: none

 private:
  int status_;
  std::string parameter_, code_;
};

enum class ErrorForm {
  openai,    // {"error": {"message", "type", "param", "code"}}
  anthropic  // {"type": "error", "error": {"type", "message"}}
};

OrderedJson error_json(const ApiError& error, ErrorForm form = ErrorForm::openai);
HttpResponse error_response(const ApiError& error, ErrorForm form = ErrorForm::openai);

// Too much is waiting already: 503, with the seconds after which to try again.
HttpResponse overloaded_response(ErrorForm form = ErrorForm::openai);

}  // namespace t6
