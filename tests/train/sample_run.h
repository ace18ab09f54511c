// A data folder and a configuration so small that a run takes a second, and what tests read back from runs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/random.h"
#include "t6/formats/json.h"
#include "t6/formats/token_shard.h"
#include "t6/train/run_config.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {

inline void write_shard(const std::filesystem::path& path, const std::vector<int32_t>& tokens) {
  TokenShardWriter writer(path, 2);
  writer.append(tokens);
  writer.commit();
}

// A sequence that a model can learn: mostly the last token plus one.
inline std::vector<int32_t> learnable_tokens(size_t count, uint64_t seed) {
  std::vector<int32_t> tokens(count);
  Random random(seed);
  int32_t token = 0;
  for (int32_t& each : tokens)
    each = token = random.below(8) == 0 ? static_cast<int32_t>(random.below(31)) : (token + 1) % 31;
  return tokens;
}

// DATA/train_000000.bin, val_000000.bin and data.json: one token stands for two bytes.
inline std::filesystem::path write_sample_data(const TemporaryFolder& folder) {
  const auto data = folder / "data";
  make_folder(data);
  write_shard(data / "train_000000.bin", learnable_tokens(5000, 1));
  write_shard(data / "val_000000.bin", learnable_tokens(500, 2));
  write_json(data / "data.json", parse_json(R"({"tokenizer": "sample", "vocab_size": 31, "seed": 0,
      "train": {"documents": 1, "tokens": 5000, "bytes": 10000, "shards": 1},
      "val": {"documents": 1, "tokens": 500, "bytes": 1000, "shards": 1}})",
                                            "sample data.json"));
  return data;
}

inline RunConfig sample_config(const TemporaryFolder& folder, const std::vector<Setting>& settings = {}) {
  const auto path = folder.write("sample.toml", R"(
[model]
vocab_size = 31
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 3
head_dim = 8
q_rank = 2
max_position_embeddings = 32
[data]
path = ")" + write_sample_data(folder).string() + R"("
[optimizer]
learning_rate = 1e-2
[schedule]
warmup_steps = 5
minimum_learning_rate = 1e-3
[train]
steps = 40
batch_size = 4
context = 16
threads = 1
log_every = 1
evaluate_every = 10
evaluate_windows = 8
checkpoint_every = 10
keep_checkpoints = 2
)");
  return load_run_config(path, settings);
}

inline std::vector<Json> read_lines(const std::filesystem::path& path) {
  std::vector<Json> lines;
  const std::string text = read_text(path);
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(parse_json(text.substr(begin, end - begin), path.string()));
  }
  return lines;
}

}  // namespace t6
