// HTTP/1.1 for many clients on one thread: requests are read within limits and handed over, answers written as they
// come. Built on Boost.Beast's parser.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "t6/serve/http/exchange.h"

namespace t6 {

struct HttpLimits {
  uint32_t header_bytes = 32 << 10;             // more: 431
  uint64_t body_bytes = 32 << 20;               // more: 413
  int64_t unsent_bytes = 8 << 20;               // that a client leaves unread; more ends the connection
  int64_t connections = 4096;                   // more: 503
  std::chrono::milliseconds head_time{30'000};  // for a request's head, and between requests; longer: 408
  std::chrono::milliseconds body_time{60'000};  // longer: 408
  std::chrono::milliseconds write_time{
      60'000};  // without anything of an answer being taken; longer ends the connection
};

class HttpServer {
 public:
  using Handler = std::function<void(std::shared_ptr<Exchange>)>;
  // Looks at a request before its body is read, and may say what its answers carry and how large its body may be; what
  // it returns is the answer, and the connection ends.
  using Gate = std::function<std::optional<HttpResponse>(HttpRequest&)>;

  // Listens from here on; port 0: any that is free. Both functions are called on the thread of run(). Error: the
  // address is not one, or is taken.
  HttpServer(const std::string& host, uint16_t port, const HttpLimits& limits, Gate gate, Handler handler);
  ~HttpServer();

  uint16_t port() const;
  std::string address() const;  // "127.0.0.1:8080"

  void run();  // on the calling thread, until stop()
  // These may be called from any thread.
  void post(std::function<void()> work);  // runs it on the thread of run()
  void refuse();                          // no new connections; those there are end with their answers
  void stop();                            // ends run() and all connections
  int64_t connections() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace t6
