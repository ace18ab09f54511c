// t6 serve: a model over HTTP.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "t6/bench/machine.h"
#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/serve/server.h"

namespace t6 {
namespace {

struct ServeOptions {
  std::string model, body = "16MiB";
  ServerOptions server;
  CacheFlags cache;
  int64_t request_seconds = 3600, drain_seconds = 30;
  int threads = processor_count();
};

// Without --cache-memory half of what is free, so that the machine stays usable.
CacheOptions server_cache(CacheFlags flags) {
  CacheOptions options = cache_options(flags);
  if (!options.memory) options.memory = std::make_shared<CacheMemory>(available_memory() / 2);
  return options;
}

void run(const ServeOptions& options) {
  ServerOptions server_options = options.server;
  server_options.cache = server_cache(options.cache);
  server_options.request_time = std::chrono::seconds(options.request_seconds);
  server_options.drain_time = std::chrono::seconds(options.drain_seconds);
  server_options.body_bytes = static_cast<uint64_t>(parse_bytes(options.body));
  server_options.log = [](const std::string& line) { fmt::print(stderr, "t6: {}\n", line); };
  catch_interrupts();
  Server server(server_options);
  Context context(options.threads);
  fmt::print(stderr, "t6: loading {}; the cache may take {}\n", options.model,
             format_bytes(static_cast<double>(server_options.cache.memory->limit())));
  server.run(
      context, [&] { return load_model(context, options.model); }, interrupt_token());
  interrupt_token().reset();  // heeded: all that was taken is finished, so the program has succeeded
}

}  // namespace

void add_serve(CLI::App& app) {
  auto options = std::make_shared<ServeOptions>();
  ServerOptions& server = options->server;
  CLI::App* command = app.add_subcommand("serve", "Serve a model over HTTP: OpenAI's endpoints and a page to chat on");
  add_model_argument(*command, options->model);
  command->add_option("--host", server.host, "Address to listen at; 0.0.0.0: all of this machine's")
      ->capture_default_str();
  command->add_option("--port", server.port, "Port to listen at; 0: any that is free")->capture_default_str();
  command->add_option("--api-keys", server.api_keys, "A file with a key on each line; others may not ask");
  command
      ->add_option("--model-name", server.names,
                   "What clients call the model (may be given several times; default: its file's name)")
      ->allow_extra_args(false);
  command
      ->add_option("--allow-origin", server.allowed_origins,
                   "Origin of web pages that may ask, beside the server's own; *: all (may be given several times)")
      ->allow_extra_args(false);
  command->add_option("--template", server.chat_template,
                      "How messages are written: a built-in template's name or a file (default: the model's own)");
  command->add_flag("--cache-transfer", server.cache_transfer,
                    "Hand out and take the caches of conversations (GET /v1/cache/ID, PUT /v1/cache)");
  command->add_flag("--log-requests", server.log_requests, "Print each request's address, path and size");
  const auto limit = [&](const char* name, auto& value, const char* help) {
    command->add_option(name, value, help)->check(count_from(1))->capture_default_str()->group("Limits");
  };
  limit("--max-streams", server.streams, "Sequences that run at once at most");
  limit("--max-queue", server.queue, "Sequences that wait at most; more are answered with 503");
  limit("--max-connections", server.connections, "Connections at most");
  limit("--request-time", options->request_seconds, "Seconds that a request may take");
  limit("--drain-time", options->drain_seconds, "Seconds for what runs to end after SIGTERM or Ctrl-C");
  command->add_option("--max-body", options->body, "Bytes of a request at most")
      ->capture_default_str()
      ->group("Limits");
  add_cache_flags(*command, options->cache);
  command->get_option("--cache-memory")
      ->description("What the cache may take at most, as in 2GiB (default: half of the free memory)");
  add_threads_flag(*command, options->threads);
  command->footer(
      "Anyone who reaches the address may ask, unless --api-keys is given. SIGTERM and Ctrl-C let what runs end\n"
      "first; a second one does not.\n"
      "Examples:\n"
      "  t6 serve model.gguf\n"
      "  t6 serve model.gguf --host 0.0.0.0 --api-keys keys.txt --cache-memory 4GiB --cache-type int8\n"
      "  curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' -d '{\"prompt\": \"Once\"}'");
  command->callback([=] { run(*options); });
}

}  // namespace t6
