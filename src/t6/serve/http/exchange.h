// A request over HTTP and the answer to it, apart from how both travel.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace t6 {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;   // "GET"
  std::string path;     // without what follows a '?'
  HttpHeaders headers;  // names in lower case
  std::string body;
  std::string peer;                 // the client's address
  HttpHeaders answer_headers = {};  // of every answer to it
  uint64_t body_bytes = 0;          // that its body may have

  // Of the first header of this name, in lower case; empty: there is none.
  std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  HttpHeaders headers = {};  // further ones
};

std::string_view http_reason(int status);  // "Not Found"

// Either reply(), or begin() and then any number of write() before end(); from any thread, in order. What follows a
// client's going away is passed over. One that is gone without an answer answers with status 500.
class Exchange {
 public:
  explicit Exchange(HttpRequest request) : request_(std::move(request)) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  const HttpRequest& request() const { return request_; }
  virtual void reply(HttpResponse response) = 0;
  // An answer whose length is not known: `head.body` is its beginning.
  virtual void begin(HttpResponse head) = 0;
  virtual void write(std::string part) = 0;
  virtual void end() = 0;
  // Calls `gone` once, on the server's thread, when the client goes away before the answer's end.
  virtual void when_gone(std::function<void()> gone) = 0;

 protected:
  HttpRequest request_;
};

}  // namespace t6
