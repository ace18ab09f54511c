#include "t6/serve/http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <limits>
#include <utility>

namespace t6 {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// After an answer that ends the connection, so much is still read and thrown away for so long: a client that is writing
// would else find the connection reset and never see the answer.
constexpr size_t kLingerBytes = 64 << 20;
constexpr std::chrono::seconds kLingerTime{5};

std::string lower(beast::string_view text) {
  std::string result(text.data(), text.size());
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

HttpResponse plain_error(int status, std::string_view message) {
  return {status, fmt::format(R"({{"error":{{"message":"{}","type":"{}","param":null,"code":null}}}})", message,
                              status < 500 ? "invalid_request_error" : "server_error")};
}

HttpResponse reading_error(const beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return plain_error(431, "the request's head is too large");
  if (error == http::error::body_limit) return plain_error(413, "the request's body is too large");
  return plain_error(400, "not a request in HTTP");
}

// Bodies that are packed are refused: what they unpack to has no limit.
template <typename Message>
std::optional<HttpResponse> refused_encoding(const Message& message) {
  const std::string transfer = lower(message[http::field::transfer_encoding]);
  if (!transfer.empty() && transfer != "chunked") return plain_error(400, "the transfer encoding must be chunked");
  const std::string content = lower(message[http::field::content_encoding]);
  if (!content.empty() && content != "identity") return plain_error(415, "the body must not be compressed");
  return std::nullopt;
}

// The one exchange of a request; the connection's last owner lets go of it on the server's thread.
class ConnectionExchange : public Exchange {
 public:
  ConnectionExchange(HttpRequest request, std::shared_ptr<Connection> connection, uint64_t number)
      : Exchange(std::move(request)), connection_(std::move(connection)), number_(number) {}

  ~ConnectionExchange() override {
    auto& connection = *connection_;
    asio::post(connection.executor(), [held = std::move(connection_), number = number_] {
      held->reply(number, plain_error(500, "the request was given up"));  // if nothing else was
      held->end(number);
    });
  }

  void reply(HttpResponse response) override {
    run([number = number_, response = std::move(response)](Connection& to) { to.reply(number, response); });
  }
  void begin(HttpResponse head) override {
    run([number = number_, head = std::move(head)](Connection& to) { to.begin(number, head); });
  }
  void write(std::string part) override {
    run([number = number_, part = std::move(part)](Connection& to) mutable { to.write(number, std::move(part)); });
  }
  void end() override {
    run([number = number_](Connection& to) { to.end(number); });
  }
  void when_gone(std::function<void()> gone) override {
    run([number = number_, gone = std::move(gone)](Connection& to) mutable { to.when_gone(number, std::move(gone)); });
  }

 private:
  template <typename Work>
  void run(Work work) {
    asio::dispatch(connection_->executor(),
                   [connection = connection_, work = std::move(work)]() mutable { work(*connection); });
  }

  std::shared_ptr<Connection> connection_;
  const uint64_t number_;
};

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<ConnectionSettings> settings)
    : settings_(std::move(settings)), socket_(std::move(socket)), timer_(socket_.get_executor()) {
  settings_->open.insert(this);
  ++settings_->connections;
  beast::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

Connection::~Connection() {
  settings_->open.erase(this);
  --settings_->connections;
}

void Connection::allow(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([self = weak_from_this()](beast::error_code cancelled) {
    const auto connection = self.lock();
    if (cancelled || !connection || connection->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
    connection->timed_out_ = true;
    beast::error_code ignored;
    connection->socket_.cancel(ignored);
  });
}

void Connection::read_head() {
  timed_out_ = false;
  parser_.emplace();
  parser_->header_limit(settings_->limits.header_bytes);
  parser_->body_limit(std::numeric_limits<uint64_t>::max());  // it depends on the request; none refuses every length
  answer_ = Answer::none;
  request_ = {};
  request_.body_bytes = settings_->limits.body_bytes;
  answer_headers_.clear();
  allow(settings_->limits.head_time);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](beast::error_code error, size_t) { self->got_head(error); });
}

void Connection::got_head(beast::error_code error) {
  if (closed_) return;
  if (error) return fail_reading(error);
  const auto& message = parser_->get();
  request_.method = std::string(message.method_string());
  const std::string target(message.target());
  request_.path = target.substr(0, target.find('?'));
  for (const auto& field : message) request_.headers.emplace_back(lower(field.name_string()), field.value());
  beast::error_code ignored;
  request_.peer = socket_.remote_endpoint(ignored).address().to_string();
  head_only_ = request_.method == "HEAD";
  chunked_ = message.version() >= 11;
  keep_ = message.keep_alive();
  if (const auto refusal = refused_encoding(message)) return answer_and_close(*refusal);
  const auto refusal = settings_->gate(request_);
  answer_headers_ = std::move(request_.answer_headers);
  if (refusal) return answer_and_close(*refusal);
  const auto length = parser_->content_length();
  if (length && *length > request_.body_bytes) return answer_and_close(reading_error(http::error::body_limit));
  parser_->body_limit(request_.body_bytes);
  read_body();
}

void Connection::read_body() {
  if (parser_->is_done()) return got_body({});
  if (lower(parser_->get()[http::field::expect]) == "100-continue") send("HTTP/1.1 100 Continue\r\n\r\n");
  allow(settings_->limits.body_time);
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](beast::error_code error, size_t) { self->got_body(error); });
}

void Connection::got_body(beast::error_code error) {
  if (closed_) return;
  if (error) return fail_reading(error);
  request_.body = std::move(parser_->get().body());
  parser_.reset();
  buffer_.shrink_to_fit();
  timer_.cancel();
  answer_ = Answer::awaited;
  ++number_;
  watch();
  settings_->handler(std::make_shared<ConnectionExchange>(std::move(request_), shared_from_this(), number_));
}

void Connection::fail_reading(beast::error_code error) {
  const bool begun = parser_ && (parser_->got_some() || buffer_.size() > 0);
  if (error == http::error::end_of_stream || !begun) return close();
  answer_and_close(timed_out_ ? plain_error(408, "the request did not arrive in time") : reading_error(error));
}

// Notices a client that goes away while it is being answered.
void Connection::watch() {
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this(), number = number_](beast::error_code error) {
                       if (!error && number == self->number_ && self->answer_ != Answer::none) self->peek();
                     });
}

void Connection::peek() {
  char byte = 0;
  const ssize_t count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) return;  // its next request, which has to wait
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return watch();
  close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  beast::error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
  if (answer_ != Answer::none && gone_) std::exchange(gone_, nullptr)();
}

void Connection::close_if_idle() {
  keep_ = false;
  if (answer_ == Answer::none && !parser_.has_value()) return;  // what was answered is being sent
  if (answer_ == Answer::none && !parser_->got_some()) close();
}

void Connection::turn_away(const HttpResponse& response) {
  chunked_ = true;
  answer_and_close(response);
}

void Connection::answer_and_close(const HttpResponse& response) {
  keep_ = false;
  answer_ = Answer::awaited;
  ++number_;
  reply(number_, response);
}

std::string Connection::head_of(const HttpResponse& response, std::optional<size_t> length) const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, http_reason(response.status));
  const bool typed = !response.content_type.empty() && response.status != 204;
  if (typed) head += fmt::format("Content-Type: {}\r\n", response.content_type);
  if (length) {
    head += fmt::format("Content-Length: {}\r\n", *length);
  } else if (chunked_) {
    head += "Transfer-Encoding: chunked\r\n";
  }
  for (const auto& [name, value] : answer_headers_) head += fmt::format("{}: {}\r\n", name, value);
  for (const auto& [name, value] : response.headers) head += fmt::format("{}: {}\r\n", name, value);
  head += keep_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

void Connection::reply(uint64_t number, const HttpResponse& response) {
  if (closed_ || number != number_ || answer_ != Answer::awaited) return;
  if (settings_->refusing) keep_ = false;
  answer_ = Answer::none;
  answered_ = true;
  std::string bytes = head_of(response, response.body.size());
  if (!head_only_) bytes += response.body;
  send(std::move(bytes));
}

void Connection::begin(uint64_t number, const HttpResponse& head) {
  if (closed_ || number != number_ || answer_ != Answer::awaited) return;
  if (!chunked_ || settings_->refusing) keep_ = false;
  answer_ = Answer::streaming;
  send(head_of(head, std::nullopt));
  write(number, head.body);
}

void Connection::write(uint64_t number, std::string part) {
  if (closed_ || number != number_ || answer_ != Answer::streaming || part.empty() || head_only_) return;
  send(chunked_ ? fmt::format("{:x}\r\n{}\r\n", part.size(), part) : std::move(part));
  if (unsent_ > settings_->limits.unsent_bytes) close();
}

void Connection::end(uint64_t number) {
  if (closed_ || number != number_ || answer_ != Answer::streaming) return;
  answer_ = Answer::none;
  answered_ = true;
  if (chunked_ && !head_only_) return send("0\r\n\r\n");
  if (!writing_) finish_answer();
}

void Connection::when_gone(uint64_t number, std::function<void()> gone) {
  if (number != number_) return;
  if (closed_) return gone();
  gone_ = std::move(gone);
}

void Connection::send(std::string bytes) {
  unsent_ += static_cast<int64_t>(bytes.size());
  // What waits goes in one piece.
  if (queue_.size() < 2) {
    queue_.push_back(std::move(bytes));
  } else {
    queue_.back() += bytes;
  }
  if (!writing_) write_next();
}

void Connection::write_next() {
  writing_ = true;
  allow(settings_->limits.write_time);
  asio::async_write(socket_, asio::buffer(queue_.front()),
                    [self = shared_from_this()](beast::error_code error, size_t) { self->wrote(error); });
}

void Connection::wrote(beast::error_code error) {
  writing_ = false;
  if (closed_) return;
  if (error) return close();
  unsent_ -= static_cast<int64_t>(queue_.front().size());
  queue_.pop_front();
  if (!queue_.empty()) return write_next();
  if (answered_) return finish_answer();
  // A 100 Continue may be sent while the body is read.
  if (answer_ != Answer::none) timer_.cancel();
}

void Connection::finish_answer() {
  answered_ = false;
  gone_ = nullptr;
  if (keep_) return read_head();
  beast::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  allow(kLingerTime);
  linger();
}

void Connection::linger() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](beast::error_code error, size_t count) {
    self->drained_ += count;
    if (error || self->drained_ > kLingerBytes) return self->close();
    self->linger();
  });
}

}  // namespace t6
