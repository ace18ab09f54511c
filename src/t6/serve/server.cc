#include "t6/serve/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <mutex>
#include <thread>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/router.h"
#include "t6/serve/http/api_keys.h"
#include "t6/serve/http/http_server.h"
#include "t6/serve/scheduler/scheduler.h"

namespace t6 {
namespace {

// Reading a request takes little but for long prompts and schemas, which others need not wait for.
constexpr int kWorkers = 2;
constexpr std::chrono::milliseconds kWatch{50};
constexpr std::chrono::seconds kLastWords{5};  // for answers to be sent when all has ended

HttpLimits http_limits(const ServerOptions& options) {
  HttpLimits limits;
  limits.body_bytes = options.body_bytes;
  limits.connections = options.connections;
  return limits;
}

std::string name_of(const std::filesystem::path& path) {
  const std::filesystem::path file = path.filename().empty() ? path.parent_path().filename() : path.filename();
  return file.extension() == ".gguf" ? file.stem().string() : file.string();
}

bool has_json(const HttpRequest& request) { return request.header("content-type").starts_with("application/json"); }

// How the model's makers want its tokens chosen, where a request says nothing.
SamplerOptions model_sampling(SamplerOptions options, const SamplingSettings& wanted) {
  options.temperature = wanted.temperature.value_or(options.temperature);
  options.top_k = wanted.top_k.value_or(options.top_k);
  options.top_p = wanted.top_p.value_or(options.top_p);
  options.min_p = wanted.min_p.value_or(options.min_p);
  options.typical_p = wanted.typical_p.value_or(options.typical_p);
  options.repetition_penalty = wanted.repetition_penalty.value_or(options.repetition_penalty);
  return options;
}

}  // namespace

struct Server::Parts {
  explicit Parts(ServerOptions given);

  std::optional<HttpResponse> look_at(HttpRequest& request) const;
  bool admits_origin(HttpRequest& request) const;
  void handle(const std::shared_ptr<Exchange>& exchange);
  void answer(const Route& route, const std::shared_ptr<Exchange>& exchange);
  std::shared_ptr<const Service> service() const;
  std::shared_ptr<Service> make_service(LoadedModel loaded) const;
  SchedulerOptions scheduler_options() const;
  void serve(Scheduler& scheduler, const CancelToken& stop);
  void wait_for_answers() const;

  const ServerOptions options;
  const ApiKeys keys;
  HttpServer http;
  std::atomic<double> worker_seconds = 0;  // of processor
  boost::asio::thread_pool workers{kWorkers};

  mutable std::mutex mutex;
  std::shared_ptr<const Service> served;  // null: no model yet, or none any more
};

Server::Parts::Parts(ServerOptions given)
    : options(std::move(given)),
      keys(options.api_keys.empty() ? ApiKeys() : ApiKeys(options.api_keys)),
      http(
          options.host, options.port, http_limits(options), [this](HttpRequest& request) { return look_at(request); },
          [this](const std::shared_ptr<Exchange>& exchange) { handle(exchange); }) {}

// A page of another site may not use the server of whoever looks at it.
bool Server::Parts::admits_origin(HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  const size_t host = origin.find("://");
  if (host != std::string_view::npos && origin.substr(host + 3) == request.header("host")) return true;
  const auto& origins = options.allowed_origins;
  if (std::ranges::count(origins, "*") == 0 && std::ranges::count(origins, origin) == 0) return false;
  request.answer_headers = {
      {"Access-Control-Allow-Origin", std::ranges::count(origins, "*") > 0 ? "*" : std::string(origin)},
      {"Access-Control-Allow-Headers", "Authorization, Content-Type, X-Api-Key"},
      {"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
      {"Vary", "Origin"}};
  return true;
}

std::optional<HttpResponse> Server::Parts::look_at(HttpRequest& request) const {
  if (!admits_origin(request))
    return error_response(ApiError(403, "pages of another origin may not ask (--allow-origin)"));
  if (request.method == "OPTIONS") return HttpResponse{204, "", ""};
  const Route* const route = find_route(request.method, request.path);
  if (!route) {
    const std::string methods = methods_of(request.path);
    if (methods.empty()) return error_response(ApiError(404, "there is no such path"));
    HttpResponse response = error_response(ApiError(405, "this path wants another method: " + methods));
    response.headers.emplace_back("Allow", methods);
    return response;
  }
  const bool guarded = route->kind == RouteKind::quick || route->kind == RouteKind::slow;
  if (guarded && keys.wanted() && !keys.known(shown_key(request))) {
    return error_response(ApiError(401, "a key is wanted, as in \"Authorization: Bearer KEY\"", {}, "invalid_api_key"),
                          route->errors);
  }
  if (request.method == "POST" && !has_json(request)) {
    return error_response(ApiError(415, "the body must be JSON, with \"Content-Type: application/json\""),
                          route->errors);
  }
  if (options.cache_transfer && request.method == "PUT") {
    request.body_bytes = static_cast<uint64_t>(options.cache.memory->limit());
  }
  return std::nullopt;
}

void Server::Parts::handle(const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  if (options.log_requests) {
    options.log(fmt::format("{} {} {}, {} bytes", request.peer, request.method, request.path, request.body.size()));
  }
  const Route& route = *find_route(request.method, request.path);
  if (route.kind != RouteKind::slow) return answer(route, exchange);
  boost::asio::post(workers, [this, &route, exchange] {
    const ThreadStopwatch watch;
    answer(route, exchange);
    worker_seconds += watch.seconds();
  });
}

void Server::Parts::answer(const Route& route, const std::shared_ptr<Exchange>& exchange) {
  static const Service kNone{};
  const auto held = service();
  if (!held && route.kind != RouteKind::early) {
    return exchange->reply(
        error_response(ApiError(503, "the model is not loaded, or the server is ending"), route.errors));
  }
  t6::answer(route, held ? *held : kNone, exchange);
}

std::shared_ptr<const Service> Server::Parts::service() const {
  const std::lock_guard lock(mutex);
  return served;
}

std::shared_ptr<Service> Server::Parts::make_service(LoadedModel loaded) const {
  auto service = std::make_shared<Service>();
  service->names = options.names.empty() ? std::vector{name_of(loaded.path)} : options.names;
  service->chat_template = chat_template_of(loaded.text, *loaded.tokenizer, options.chat_template);
  service->control_tokens.emplace(*loaded.tokenizer);
  service->answer_stops = answer_stops(*service->chat_template, *loaded.tokenizer);
  service->grammars = std::make_shared<GrammarCompiler>(*loaded.tokenizer, loaded.config().vocab_size);
  service->cache = options.cache;
  service->sampling = model_sampling(options.sampling, loaded.text.sampling);
  service->limits.time = options.request_time;
  service->created = unix_seconds();
  service->context = FactorCache(loaded.config(), options.cache).limit();
  service->loaded = std::move(loaded);
  return service;
}

SchedulerOptions Server::Parts::scheduler_options() const {
  EngineOptions engine = {.memory = options.cache.memory, .sequences = options.streams, .keep_written = true};
  if (engine.memory) engine.kept_bytes = engine.memory->limit();
  return {engine, options.queue};
}

void Server::Parts::serve(Scheduler& scheduler, const CancelToken& stop) {
  std::atomic<bool> ended = false;
  std::thread watcher([&] {
    while (!stop.cancelled() && !ended) std::this_thread::sleep_for(kWatch);
    if (ended) return;
    options.log("ending: nothing new is taken, what runs is finished");
    http.refuse();
    scheduler.drain();
    const auto until = std::chrono::steady_clock::now() + options.drain_time;
    while (!ended && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kWatch);
    scheduler.cancel_all();
  });
  scheduler.run();
  ended = true;
  watcher.join();
}

void Server::Parts::wait_for_answers() const {
  const auto until = std::chrono::steady_clock::now() + kLastWords;
  while (http.connections() > 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kWatch);
}

Server::Server(ServerOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Server::~Server() = default;
std::string Server::address() const { return parts_->http.address(); }
uint16_t Server::port() const { return parts_->http.port(); }

void Server::run(Context& context, const std::function<LoadedModel()>& load, const CancelToken& stop) {
  Parts& parts = *parts_;
  std::thread io([&] { parts.http.run(); });
  const auto end = [&] {
    parts.workers.join();
    parts.http.stop();
    io.join();
  };
  try {
    const auto service = parts.make_service(load());
    ServerMetrics metrics(service->names[0]);
    Scheduler scheduler(context, service->loaded.model, parts.scheduler_options(), metrics,
                        [&](std::function<void()> work) { parts.http.post(std::move(work)); });
    service->scheduler = &scheduler;
    service->metrics = &metrics;
    service->run_apart = [&](std::function<void()> work) { boost::asio::post(parts.workers, std::move(work)); };
    if (parts.options.cache_transfer) service->conversations = std::make_shared<Conversations>();
    service->gauges = [&] {
      Gauges now = scheduler.gauges();
      now.connections = parts.http.connections();
      // Requests for metrics are answered on the thread that speaks HTTP.
      now.http_seconds = thread_seconds() + parts.worker_seconds;
      return now;
    };
    {
      const std::lock_guard lock(parts.mutex);
      parts.served = service;
    }
    parts.options.log(fmt::format("serving {} at http://{}", service->names[0], address()));
    parts.serve(scheduler, stop);
    {
      const std::lock_guard lock(parts.mutex);
      parts.served = nullptr;
    }
    parts.wait_for_answers();
    end();
  } catch (...) {
    end();
    throw;
  }
}

}  // namespace t6
