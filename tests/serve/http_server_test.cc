#include "t6/serve/http/http_server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/error_of.h"
#include "tests/serve/raw_client.h"

namespace t6 {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Answers with what it was asked; "/hold" is not answered by itself, "/drop" never.
class HttpServerTest : public ::testing::Test {
 protected:
  void start(const HttpLimits& limits = {}) {
    server_ = std::make_unique<HttpServer>(
        "127.0.0.1", 0, limits,
        [](HttpRequest& request) -> std::optional<HttpResponse> {
          if (request.header("x-wanted") == "no") return HttpResponse{403, "refused"};
          if (request.path == "/marked") request.answer_headers = {{"X-Mark", "1"}};
          return std::nullopt;
        },
        [this](const std::shared_ptr<Exchange>& exchange) { answer(exchange); });
    thread_ = std::thread([this] { server_->run(); });
  }

  void answer(const std::shared_ptr<Exchange>& exchange) {
    const HttpRequest& request = exchange->request();
    if (request.path == "/hold") {
      exchange->when_gone([this] { gone_ = true; });
      exchange->begin({200, "first;", "text/plain"});
      held_ = exchange;
      holding_ = true;
    } else if (request.path != "/drop") {
      exchange->reply({200, request.method + " " + request.path + " [" + request.body + "]", "text/plain"});
    }
  }

  void TearDown() override {
    if (!server_) return;
    held_ = nullptr;
    server_->stop();
    thread_.join();
  }

  std::string ask(std::string_view bytes) {
    RawClient client(server_->port());
    client.write(bytes);
    return client.read_all();
  }
  template <typename Condition>
  static bool soon(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  }

  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  std::shared_ptr<Exchange> held_;
  std::atomic<bool> gone_ = false, holding_ = false;
};

TEST_F(HttpServerTest, AnswersOneRequestAfterTheOther) {
  start();
  RawClient client(server_->port());
  client.write("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("[]"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 9\r\n"), EndsWith("GET /a []")));
  client.write("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(client.read_until("]"), EndsWith("POST /b [abc]"));
  // Two at once are answered in order.
  client.write("GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  EXPECT_THAT(client.read_until("[hi]"), AllOf(HasSubstr("GET /1 []"), EndsWith("POST /2 [hi]")));
  client.write("GET /c HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("GET /c []")));
}

TEST_F(HttpServerTest, SpeaksOlderHttp) {
  start();
  EXPECT_THAT(ask("GET /a HTTP/1.0\r\n\r\n"), EndsWith("GET /a []"));
  RawClient client(server_->port());
  client.write("GET /hold HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_until("first;"), AllOf(Not(HasSubstr("chunked")), EndsWith("first;")));
  ASSERT_TRUE(soon([&] { return holding_.load(); }));
  held_->write("second");
  held_->end();
  EXPECT_EQ(client.read_all(), "second");
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start();
  EXPECT_THAT(ask("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n"),
              AllOf(HasSubstr("Content-Length: 10\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, StreamsInChunks) {
  start();
  RawClient client(server_->port());
  client.write("GET /hold HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.read_until("first;\r\n"), HasSubstr("\r\n\r\n6\r\nfirst;\r\n"));
  ASSERT_TRUE(soon([&] { return holding_.load(); }));
  held_->write("");
  held_->write("0123456789abcdef");
  held_->end();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "10\r\n0123456789abcdef\r\n0\r\n\r\n");
  held_ = nullptr;
  client.write("GET /next HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.read_until("[]"), EndsWith("GET /next []"));
}

TEST_F(HttpServerTest, NoticesAClientThatGoes) {
  start();
  RawClient client(server_->port());
  client.write("GET /hold HTTP/1.1\r\n\r\n");
  client.read_until("first;");
  client.close();
  EXPECT_TRUE(soon([&] { return gone_.load(); }));
  EXPECT_TRUE(soon([&] { return server_->connections() == 0 || held_ != nullptr; }));
  held_->write("nobody reads this");
  held_->end();
}

TEST_F(HttpServerTest, AnswersWhatIsGivenUp) {
  start();
  EXPECT_THAT(ask("GET /drop HTTP/1.1\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, TheGateRefusesBeforeTheBody) {
  start();
  RawClient client(server_->port());
  client.write("POST /a HTTP/1.1\r\nX-Wanted: no\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.read_all(), AllOf(StartsWith("HTTP/1.1 403"), EndsWith("refused")));
  EXPECT_THAT(ask("GET /marked HTTP/1.1\r\nConnection: close\r\n\r\n"), HasSubstr("X-Mark: 1\r\n"));
  EXPECT_THAT(ask("POST /a HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhi"),
              AllOf(StartsWith("HTTP/1.1 100 Continue\r\n\r\n"), EndsWith("[hi]")));
}

struct Malformed {
  const char *name, *bytes, *answer;
};
const Malformed kMalformed[] = {
    {"NoHttp", "hello\r\n\r\n", "400"},
    {"NegativeChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n", "400"},
    {"HugeChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab", "4"},
    {"OverflowingChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\nab", "4"},
    {"NegativeLength", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
    {"TwoLengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
    {"LengthAndChunks", "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"ChunksAndLength", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400"},
    {"OtherEncoding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"},
    {"PackedBody", "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", "415"},
    {"FoldedHeader", "GET / HTTP/1.1\r\nA: b\r\n c\r\nB\r\n\r\n", "400"},
    {"BlankBeforeColon", "GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc", "400"},
    {"NulInHeader", "GET / HTTP/1.1\r\nA: b\1c\r\n\r\n", "400"},
    {"BareNewlines", "GET / HTTP/1.1\nA: b\n\n", "400"},
    {"LargeBody", "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413"},
    {"LargeLength", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
};

class HttpMalformed : public HttpServerTest, public ::testing::WithParamInterface<Malformed> {};

TEST_P(HttpMalformed, IsRefusedAndNothingElseHappens) {
  start();
  const std::string answer = ask(GetParam().bytes);
  EXPECT_THAT(answer, StartsWith(std::string("HTTP/1.1 ") + GetParam().answer));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;  // one answer
  EXPECT_THAT(ask("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"), EndsWith("GET /a []"));
}

INSTANTIATE_TEST_SUITE_P(Requests, HttpMalformed, ::testing::ValuesIn(kMalformed),
                         [](const auto& test) { return test.param.name; });

TEST_F(HttpServerTest, RefusesAHeadThatIsTooLarge) {
  start();
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, RefusesChunksThatAreTooLarge) {
  start({.body_bytes = 1000});
  std::string bytes = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 30; ++i) bytes += "40\r\n" + std::string(64, 'a') + "\r\n";
  EXPECT_THAT(ask(bytes + "0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, DoesNotWaitForeverForARequest) {
  start({.head_time = std::chrono::milliseconds(200), .body_time = std::chrono::milliseconds(200)});
  EXPECT_THAT(ask("GET / HTT"), StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"), StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(ask(""), IsEmpty());
}

TEST_F(HttpServerTest, DropsAClientThatDoesNotRead) {
  start({.unsent_bytes = 1 << 20});
  RawClient client(server_->port());
  client.write("GET /hold HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(soon([&] { return holding_.load(); }));
  for (int i = 0; i < 400 && !gone_; ++i) {
    held_->write(std::string(100'000, 'a'));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(soon([&] { return gone_.load(); }));
}

TEST_F(HttpServerTest, TurnsAwayWhatIsTooMany) {
  start({.connections = 2});
  RawClient first(server_->port()), second(server_->port());
  ASSERT_TRUE(soon([&] { return server_->connections() == 2; }));
  EXPECT_THAT(ask(""), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After: 1")));
  first.close();
  ASSERT_TRUE(soon([&] { return server_->connections() == 1; }));
  EXPECT_THAT(ask("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"), EndsWith("GET /a []"));
}

TEST_F(HttpServerTest, EndsInOrder) {
  start();
  RawClient idle(server_->port()), busy(server_->port());
  busy.write("GET /hold HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(soon([&] { return holding_.load(); }));
  server_->refuse();
  EXPECT_THAT(idle.read_all(), IsEmpty());
  EXPECT_TRUE(soon([&] { return !RawClient(server_->port()).connected(); }));
  held_->end();
  EXPECT_THAT(busy.read_all(), EndsWith("0\r\n\r\n"));
  held_ = nullptr;
  busy.close();
  EXPECT_TRUE(soon([&] { return server_->connections() == 0; }));
}

TEST(HttpServerAddress, IsCheckedAtOnce) {
  const auto make = [](const char* host, uint16_t port) {
    return std::make_unique<HttpServer>(
        host, port, HttpLimits(), [](HttpRequest&) { return std::nullopt; }, [](const std::shared_ptr<Exchange>&) {});
  };
  const auto first = make("127.0.0.1", 0);
  EXPECT_EQ(first->address(), "127.0.0.1:" + std::to_string(first->port()));
  EXPECT_THAT(error_of([&] { make("127.0.0.1", first->port()); }), HasSubstr("cannot listen at 127.0.0.1 port"));
  EXPECT_THAT(error_of([&] { make("no such host", 0); }), HasSubstr("is not an address"));
}

}  // namespace
}  // namespace t6
