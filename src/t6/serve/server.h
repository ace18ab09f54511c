// Serves a model to programs and people over HTTP: OpenAI's endpoints and a page to chat on.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/infer/cache.h"
#include "t6/infer/load.h"
#include "t6/infer/sampler.h"

namespace t6 {

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;                      // 0: any that is free
  std::filesystem::path api_keys;            // a file with a key on each line; empty: everybody may ask
  std::vector<std::string> names;            // of the model; empty: its file's
  std::vector<std::string> allowed_origins;  // of pages that may ask, beside the server's own; "*": all
  int64_t streams = 64;                      // sequences that run at once at most
  int64_t queue = 1024;                      // that wait at most; more are answered with 503
  int64_t connections = 4096;
  uint64_t body_bytes = 16 << 20;                // of a request at most
  std::chrono::seconds request_time{3600};       // from a request's arrival to the end of its answer
  std::chrono::seconds drain_time{30};           // for what runs when the server is to end
  CacheOptions cache;                            // of a sequence; its memory is shared by all
  SamplerOptions sampling = {.temperature = 1};  // where a request says nothing
  std::string chat_template;                     // as chat_template_of() takes it
  bool cache_transfer = false;                   // caches of conversations are handed out and taken
  bool log_requests = false;                     // their peers, paths and sizes
  std::function<void(const std::string&)> log = [](const std::string&) {};  // a line for each event; any thread
};

class Server {
 public:
  // Listens from here on, and answers with 503 until there is a model. Errors: the address is taken, the file of keys.
  explicit Server(ServerOptions options);
  ~Server();

  std::string address() const;  // "127.0.0.1:8080"
  uint16_t port() const;

  // Runs the model, which `load` gives, on this thread until `stop` is cancelled; then takes nothing new, ends what
  // runs, and returns. The context and `stop` outlive the call. Errors: those of `load`.
  void run(Context& context, const std::function<LoadedModel()>& load, const CancelToken& stop);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace t6
