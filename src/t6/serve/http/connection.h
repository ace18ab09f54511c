// One client's connection: its requests, one after the other.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "t6/serve/http/http_server.h"

namespace t6 {

class Connection;

// What all connections of a server share.
struct ConnectionSettings {
  HttpLimits limits;
  HttpServer::Gate gate;
  HttpServer::Handler handler;
  std::atomic<int64_t> connections = 0;
  std::unordered_set<Connection*> open;
  bool refusing = false;  // answers say that the connection ends
};

// All of it runs on the thread of the server.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<ConnectionSettings> settings);
  ~Connection();

  void start() { read_head(); }
  // An answer instead of any request.
  void turn_away(const HttpResponse& response);
  // Ends a connection on which nothing is being answered.
  void close_if_idle();
  void close();

  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  // Of the answer to the request with this number; those of earlier ones are passed over.
  void reply(uint64_t number, const HttpResponse& response);
  void begin(uint64_t number, const HttpResponse& head);
  void write(uint64_t number, std::string part);
  void end(uint64_t number);
  void when_gone(uint64_t number, std::function<void()> gone);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Answer { none, awaited, streaming };

  // What is under way is to end within this time; what does not is cancelled.
  void allow(std::chrono::milliseconds time);
  void read_head();
  void got_head(boost::beast::error_code error);
  void read_body();
  void got_body(boost::beast::error_code error);
  void watch();
  void peek();
  void fail_reading(boost::beast::error_code error);
  void answer_and_close(const HttpResponse& response);
  void send(std::string bytes);
  void write_next();
  void wrote(boost::beast::error_code error);
  void finish_answer();
  void linger();
  std::string head_of(const HttpResponse& response, std::optional<size_t> length) const;

  std::shared_ptr<ConnectionSettings> settings_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;             // of what is read or written
  boost::beast::flat_buffer buffer_{64 << 10};  // at most: what is about chunks counts as no body
  std::optional<Parser> parser_;
  HttpRequest request_;
  HttpHeaders answer_headers_;
  uint64_t number_ = 0;  // of the request being answered
  Answer answer_ = Answer::none;
  bool keep_ = true;     // open for another request
  bool chunked_ = true;  // an answer of unknown length goes in chunks
  bool head_only_ = false;
  bool closed_ = false, timed_out_ = false;
  bool answered_ = false;  // all of the answer waits to be sent
  bool writing_ = false;
  size_t drained_ = 0;  // bytes thrown away
  int64_t unsent_ = 0;
  std::deque<std::string> queue_;
  std::function<void()> gone_;
};

}  // namespace t6
