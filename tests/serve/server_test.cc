#include "t6/serve/server.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/serve/raw_client.h"
#include "tests/serve/tiny_model.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.port = 0;
    options.names = {"tiny"};
    if (!options.cache.memory) options.cache.memory = std::make_shared<CacheMemory>(64 << 20);
    server_ = std::make_unique<Server>(std::move(options));
    thread_ = std::thread([this] {
      Context context(1);
      server_->run(
          context,
          [this] {
            const std::lock_guard wait(loading_);
            return tiny_model(2000);
          },
          stop_);
    });
  }
  void wait_for_model() const {
    for (int i = 0; i < 2000 && ask("GET", "/health").find(" 200 ") == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  void TearDown() override {
    stop_.cancel();
    if (thread_.joinable()) thread_.join();
  }

  std::string ask(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::string& headers = "Content-Type: application/json\r\n") const {
    RawClient client(server_->port());
    client.write(method + " " + path + " HTTP/1.1\r\nHost: me\r\nConnection: close\r\n" + headers +
                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.read_all();
  }

  std::mutex loading_;
  CancelToken stop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

TEST_F(ServerTest, IsThereBeforeItsModel) {
  std::unique_lock loading(loading_);
  start();
  EXPECT_THAT(ask("GET", "/health"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(ask("POST", "/v1/completions", "{}"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(ask("GET", "/version"), HasSubstr("\"version\":"));
  EXPECT_THAT(ask("GET", "/"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("text/html")));
  loading.unlock();
  wait_for_model();
  EXPECT_THAT(ask("GET", "/v1/models"), HasSubstr("\"id\":\"tiny\""));
}

TEST_F(ServerTest, Completes) {
  start();
  wait_for_model();
  const std::string answer =
      ask("POST", "/v1/completions", R"({"prompt": [1, 2, 3], "max_tokens": 4, "temperature": 0, "ignore_eos": true})");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"prompt_tokens\":3,\"completion_tokens\":4")));
  EXPECT_THAT(ask("GET", "/metrics"), HasSubstr("vllm:generation_tokens_total{model_name=\"tiny\"} 4\n"));
  EXPECT_THAT(ask("POST", "/v1/completions", R"({"prompt": "a", "max_tokens": 2, "stream": true})"),
              AllOf(HasSubstr("text/event-stream"), HasSubstr("data: [DONE]")));
}

TEST_F(ServerTest, SaysWhatIsWrong) {
  start();
  wait_for_model();
  EXPECT_THAT(ask("POST", "/v1/completions", "{"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask("POST", "/v1/completions", R"({"prompt": "a", "model": "other"})"),
              AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("model_not_found")));
  EXPECT_THAT(ask("POST", "/v1/completions", R"({"prompt": "a", "colour": 1})"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("colour")));
  EXPECT_THAT(ask("POST", "/v1/completions", R"({"prompt": "a"})", ""), StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(ask("GET", "/v1/completions"), AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: POST\r\n")));
  EXPECT_THAT(ask("GET", "/../etc/passwd"), StartsWith("HTTP/1.1 404"));
}

TEST_F(ServerTest, WantsAKey) {
  const TemporaryFolder folder;
  ServerOptions options;
  options.api_keys = folder.write("keys", "secret\n");
  start(options);
  wait_for_model();
  EXPECT_THAT(ask("GET", "/v1/models"), AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("WWW-Authenticate: Bearer")));
  EXPECT_THAT(ask("GET", "/v1/models", "", "Authorization: Bearer wrong\r\n"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(ask("GET", "/v1/models", "", "Authorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("GET", "/v1/models", "", "X-API-Key: secret\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, OtherSitesMayNotAsk) {
  ServerOptions options;
  options.allowed_origins = {"https://friend.example"};
  start(options);
  wait_for_model();
  EXPECT_THAT(ask("GET", "/v1/models", "", "Origin: http://evil.example\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(ask("GET", "/v1/models", "", "Origin: http://me\r\n"),
              AllOf(StartsWith("HTTP/1.1 200"), Not(HasSubstr("Allow-Origin"))));
  EXPECT_THAT(ask("OPTIONS", "/v1/models", "", "Origin: https://friend.example\r\n"),
              AllOf(StartsWith("HTTP/1.1 204"), HasSubstr("Access-Control-Allow-Origin: https://friend.example\r\n")));
}

TEST_F(ServerTest, FinishesWhatRunsWhenItEnds) {
  ServerOptions options;
  options.drain_time = std::chrono::minutes(10);  // sanitizers are slow
  start(options);
  wait_for_model();
  RawClient client(server_->port());
  const std::string body =
      R"({"prompt": [1], "max_tokens": 1500, "temperature": 0, "ignore_eos": true, "stream": true})";
  client.write("POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_THAT(client.read_until("data: "), HasSubstr("200 OK"));
  stop_.cancel();
  const std::string rest = client.read_all();
  EXPECT_THAT(rest, HasSubstr("\"finish_reason\":\"length\""));
  EXPECT_THAT(rest, EndsWith("data: [DONE]\n\n\r\n0\r\n\r\n"));
  thread_.join();
}

TEST_F(ServerTest, EndsWhatTakesTooLong) {
  ServerOptions options;
  options.request_time = std::chrono::seconds(0);
  start(options);
  wait_for_model();
  EXPECT_THAT(ask("POST", "/v1/completions", R"({"prompt": [1], "max_tokens": 1500})"),
              AllOf(StartsWith("HTTP/1.1 504"), HasSubstr("took too long")));
}

}  // namespace
}  // namespace t6
