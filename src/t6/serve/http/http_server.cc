#include "t6/serve/http/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>
#include <utility>

#include "t6/core/error.h"
#include "t6/serve/http/connection.h"

namespace t6 {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

struct HttpServer::Parts {
  asio::io_context io{1};
  Tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  Tcp::endpoint endpoint;
  std::shared_ptr<ConnectionSettings> settings = std::make_shared<ConnectionSettings>();

  void listen(const std::string& host, uint16_t port);
  void accept();
  void accepted(Tcp::socket socket);
  template <typename Work>
  void each_connection(Work&& work);
};

void HttpServer::Parts::listen(const std::string& host, uint16_t port) {
  boost::system::error_code error;
  Tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, std::to_string(port), Tcp::resolver::passive, error);
  require(!error && !found.empty(), "{} is not an address of this machine: {}", host, error.message());
  endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  require(!error, "cannot listen at {} port {}: {}", host, port, error.message());
  endpoint = acceptor.local_endpoint();
}

void HttpServer::Parts::accept() {
  acceptor.async_accept([this](boost::system::error_code error, Tcp::socket socket) {
    if (!acceptor.is_open()) return;
    if (!error) {
      accepted(std::move(socket));
      return accept();
    }
    // No file descriptors are left, for example: some may be free soon.
    pause.expires_after(std::chrono::milliseconds(100));
    pause.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled && acceptor.is_open()) accept();
    });
  });
}

void HttpServer::Parts::accepted(Tcp::socket socket) {
  const bool full = settings->connections >= settings->limits.connections;
  const auto connection = std::make_shared<Connection>(std::move(socket), settings);
  if (!full) return connection->start();
  connection->turn_away(
      {503,
       R"({"error":{"message":"too many connections","type":"server_error","param":null,"code":null}})",
       "application/json",
       {{"Retry-After", "1"}}});
}

template <typename Work>
void HttpServer::Parts::each_connection(Work&& work) {
  const auto open = settings->open;  // which ends may change
  for (Connection* connection : open) {
    if (settings->open.contains(connection)) work(*connection);
  }
}

HttpServer::HttpServer(const std::string& host, uint16_t port, const HttpLimits& limits, Gate gate, Handler handler)
    : parts_(std::make_unique<Parts>()) {
  parts_->settings->limits = limits;
  parts_->settings->gate = std::move(gate);
  parts_->settings->handler = std::move(handler);
  parts_->listen(host, port);
  parts_->accept();
}

HttpServer::~HttpServer() = default;

uint16_t HttpServer::port() const { return parts_->endpoint.port(); }

std::string HttpServer::address() const {
  const std::string host = parts_->endpoint.address().to_string();
  return fmt::format("{}:{}", parts_->endpoint.address().is_v6() ? "[" + host + "]" : host, port());
}

int64_t HttpServer::connections() const { return parts_->settings->connections; }

void HttpServer::run() {
  const auto work = asio::make_work_guard(parts_->io);
  parts_->io.run();
}

void HttpServer::post(std::function<void()> work) { asio::post(parts_->io, std::move(work)); }

void HttpServer::refuse() {
  post([parts = parts_.get()] {
    parts->settings->refusing = true;
    boost::system::error_code ignored;
    parts->acceptor.close(ignored);
    parts->pause.cancel();
    parts->each_connection([](Connection& connection) { connection.close_if_idle(); });
  });
}

void HttpServer::stop() {
  post([parts = parts_.get()] {
    parts->each_connection([](Connection& connection) { connection.close(); });
    parts->io.stop();
  });
}

}  // namespace t6
