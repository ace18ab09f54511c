// t6 info: what a model is and costs, beside the baselines of its size.
#include <cstdio>
#include <memory>

#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/import/import.h"
#include "t6/model/cache_layout.h"
#include "t6/model/costs.h"
#include "t6/model/factors.h"
#include "t6/model/presets.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

struct InfoOptions {
  std::string model;
  std::string memory = "16GiB";
  bool list = false;
  bool json = false;
};

struct Row {
  std::string name;
  ModelConfig config;
};

std::vector<Row> rows_of(const ModelConfig& config) {
  std::vector<Row> rows = {{"this model", config}};
  using enum AttentionKind;
  for (const AttentionKind kind : {mha, mqa, gqa, mla}) {
    if (kind != config.attention_kind) rows.push_back({attention_kind_name(kind), equal_size_baseline(config, kind)});
  }
  return rows;
}

Json to_json(const ModelConfig& config, const std::vector<Row>& rows, int64_t memory) {
  Json json = {{"parameters", parameter_count(config)},
               {"decode_multiply_adds", decode_multiply_adds(config)},
               {"forward_flops", forward_flops(config, 0)},
               {"forward_flops_full_context", forward_flops(config, config.max_position_embeddings)},
               {"memory", memory},
               {"config", config_to_json(config)}};
  for (const auto& [part, count] : parameter_counts(config)) json["parameters_by_part"][part_name(part)] = count;
  for (const Row& row : rows) {
    Json cost = {{"name", row.name},
                 {"kind", attention_kind_name(row.config.attention_kind)},
                 {"heads", row.config.num_attention_heads},
                 {"parameters", parameter_count(row.config)},
                 {"numbers_per_token_and_layer", attention_shape(row.config).cache_numbers()}};
    for (const CacheType& cache : kCacheTypes) {
      cost["bytes_per_token"][std::string(cache.name)] = cache_bytes(row.config, cache.type);
      cost["longest_context"][std::string(cache.name)] = longest_context(row.config, cache.type, memory);
      cost["bytes_of_full_context"][std::string(cache.name)] =
          cache_bytes_at(row.config, cache.type, row.config.max_position_embeddings);
    }
    json["cache"].push_back(cost);
  }
  return json;
}

// The names of all types of caches, as the head of a table.
std::string cache_columns() {
  std::string columns;
  for (const CacheType& cache : kCacheTypes) columns += fmt::format("{:>12}", cache.name);
  return columns;
}

// The cache of a model whose layers with a window give pages back.
void print_full_context(const ModelConfig& config) {
  fmt::print("\nKV cache of a full context of {} tokens, of which layers with a window keep {}{}\n",
             format_digits(config.max_position_embeddings), format_digits(config.sliding_window),
             config.attention_sinks > 0 ? fmt::format(" and the first {}", config.attention_sinks) : "");
  fmt::print("{:<32}{}\n{:<32}", "", cache_columns(), "this model");
  for (const CacheType& cache : kCacheTypes) {
    const int64_t bytes = cache_bytes_at(config, cache.type, config.max_position_embeddings);
    fmt::print("{:>12}", format_bytes(static_cast<double>(bytes)));
  }
  fmt::print("\n");
}

void print_text(const std::string& name, const ModelConfig& config, const std::vector<Row>& rows, int64_t memory) {
  fmt::print("{}: {} with {} layers, width {}, {} heads of {}, feed-forward {}, vocabulary {}, context {}\n\n", name,
             attention_kind_name(config.attention_kind), config.num_hidden_layers, config.hidden_size,
             config.num_attention_heads, config.head_dim, config.feed_forward_dim(), format_digits(config.vocab_size),
             config.max_position_embeddings);
  if (config.is_classifier()) fmt::print("a classifier: {} labels for a document, and no text\n\n", config.num_labels);
  const int64_t total = parameter_count(config);
  fmt::print("{:<26}{:>16}\n", "parameters", format_digits(total));
  for (const auto& [part, count] : parameter_counts(config)) {
    fmt::print("  {:<24}{:>16}  {:4.1f} %\n", part_name(part), format_digits(count),
               100.0 * static_cast<double>(count) / static_cast<double>(total));
  }
  fmt::print("{:<26}{:>16}  at an empty context\n", "FLOPs per token", format_count(forward_flops(config, 0)));
  fmt::print("{:<26}{:>16}  at {} tokens\n\n", "", format_count(forward_flops(config, config.max_position_embeddings)),
             config.max_position_embeddings);
  fmt::print("KV cache per token, all layers, beside baselines of the same size\n");
  fmt::print("{:<12}{:>6}{:>14}{}{:>10}\n", "", "heads", "numbers/layer", cache_columns(), "x MHA");
  const double mha =
      static_cast<double>(attention_shape(equal_size_baseline(config, AttentionKind::mha)).cache_numbers());
  for (const Row& row : rows) {
    const int64_t numbers = attention_shape(row.config).cache_numbers();
    fmt::print("{:<12}{:>6}{:>14}", row.name, row.config.num_attention_heads, format_digits(numbers));
    for (const CacheType& cache : kCacheTypes) {
      fmt::print("{:>12}", format_digits(cache_bytes(row.config, cache.type)));
    }
    fmt::print("{:>10.3f}\n", static_cast<double>(numbers) / mha);
  }
  if (gives_pages_back(page_layout(config, NumberType::f32))) print_full_context(config);
  fmt::print("\nLongest context in {}, weights and cache in the same type\n",
             format_bytes(static_cast<double>(memory)));
  fmt::print("{:<32}{}\n", "", cache_columns());
  for (const Row& row : rows) {
    fmt::print("{:<32}", row.name);
    for (const CacheType& cache : kCacheTypes) {
      fmt::print("{:>12}", format_digits(longest_context(row.config, cache.type, memory)));
    }
    fmt::print("\n");
  }
}

void run(const InfoOptions& options) {
  const int64_t memory = parse_bytes(options.memory);
  const bool known = is_preset(options.model);
  require(known || path_exists(options.model),
          "\"{}\" is neither a model nor a preset; 't6 info --list' prints the presets", options.model);
  const ModelConfig config = known ? preset(options.model) : read_model_config(options.model);
  const auto rows = rows_of(config);
  if (options.json) {
    fmt::print("{}\n", to_json(config, rows, memory).dump(2));
  } else {
    print_text(options.model, config, rows, memory);
  }
}

}  // namespace

void add_info(CLI::App& app) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand("info", "Parameters, FLOPs and cache bytes of a model or preset");
  command->add_flag("--list", options->list, "Print the names of the presets");
  command->add_option(
      "model", options->model,
      "A model (its folder, a run's, a GGUF file, a Hugging Face folder) or a preset, for example small-tpa");
  command->add_option("--memory", options->memory, "Memory for weights and cache")->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Examples:\n  t6 info small-tpa\n  t6 info runs/demo --memory 8GiB\n  t6 info nano-tpa --json");
  command->callback([=] {
    if (options->list) return fmt::print("{}\n", fmt::join(preset_names(), "\n"));
    if (options->model.empty()) throw CLI::RequiredError("model");
    run(*options);
  });
}

}  // namespace t6
