// GET /v1/cache/ID and PUT /v1/cache: a conversation's cache goes from one server to another, also in mid-answer.
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/infer/cache_file.h"
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/conversations.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/json_text.h"

namespace t6 {
namespace {

constexpr std::string_view kPath = "/v1/cache/";

// A file that is gone when this is.
class PassingFile {
 public:
  PassingFile() : path_(std::filesystem::temp_directory_path() / new_id("t6-cache-")) {}
  PassingFile(const PassingFile&) = delete;
  PassingFile& operator=(const PassingFile&) = delete;
  ~PassingFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void require_transfer(const Service& service) {
  if (!service.conversations) throw ApiError(403, "caches are not handed out or taken (--cache-transfer)");
}

struct HeldCache {
  std::vector<int32_t> tokens;
  FactorCache cache;
};

// What a sequence has read, or what is kept of it when it has ended; on the engine's thread.
HeldCache held_cache(const Service& service, const KnownConversation& known, Engine& engine) {
  if (const auto sequence = known.sequence.lock(); sequence && !sequence->finished()) {
    const auto size = static_cast<ptrdiff_t>(sequence->cache().size());
    const auto begin = sequence->tokens().begin();
    return {std::vector(begin, begin + size), sequence->cache().fork()};
  }
  FactorCache cache(service.loaded.config(), service.cache);
  const int64_t kept = engine.kept(known.tokens, cache, known.salt);
  return {std::vector(known.tokens.begin(), known.tokens.begin() + kept), std::move(cache)};
}

void send_cache(const Service& service, const std::vector<int32_t>& tokens, const FactorCache& cache,
                const std::shared_ptr<Exchange>& exchange) {
  if (tokens.empty()) return exchange->reply(error_response(ApiError(409, "nothing of it is in the cache (any more)")));
  try {
    const PassingFile file;
    save_cache(file.path(), *service.loaded.model, cache, tokens);
    exchange->reply({200, read_text(file.path()), "application/octet-stream"});
  } catch (const std::exception& error) {
    exchange->reply(error_response(ApiError(500, error.what())));
  }
}

}  // namespace

void send_conversation(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  require_transfer(service);
  const auto known = service.conversations->find(exchange->request().path.substr(kPath.size()));
  if (!known) throw ApiError(404, "no answer of late has this id");
  const bool asked = service.scheduler->between_steps([&service, known = *known, exchange](Engine& engine) {
    auto held = std::make_shared<HeldCache>(held_cache(service, known, engine));
    service.run_apart([&service, held, exchange]() mutable {
      send_cache(service, held->tokens, held->cache, exchange);
      // Pages are let go where others write into them.
      service.scheduler->between_steps([held = std::move(held)](Engine&) {});
    });
  });
  if (!asked) throw ApiError(503, "the server is ending");
}

void take_conversation(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  require_transfer(service);
  const std::string& body = exchange->request().body;
  const std::string salt(exchange->request().header("x-cache-salt"));
  const auto file = std::make_shared<PassingFile>();
  write_text(file->path(), body);
  const auto size = static_cast<int64_t>(body.size());
  const auto take = [&service, exchange, file, salt] {
    try {
      auto cache = std::make_shared<FactorCache>(service.loaded.config(), service.cache);
      const auto tokens = load_cache(file->path(), *service.loaded.model, *cache);
      service.scheduler->between_steps([cache, tokens, exchange, salt](Engine& engine) {
        engine.keep(tokens, *cache, salt);
        exchange->reply({200, json_text({{"count", tokens.size()}, {"tokens", tokens}})});
      });
    } catch (const Error& error) {
      // The file's name is of no use to a client.
      std::string message = error.what();
      const std::string name = file->path().string();
      if (const size_t at = message.find(name); at != std::string::npos) message.replace(at, name.size(), "the body");
      exchange->reply(error_response(ApiError(400, message)));
    } catch (const std::exception& error) {
      exchange->reply(error_response(ApiError(500, error.what())));
    }
  };
  const bool asked = service.scheduler->between_steps([&service, size, take](Engine& engine) {
    (void)engine.make_room(size);
    service.run_apart(take);
  });
  if (!asked) throw ApiError(503, "the server is ending");
}

}  // namespace t6
