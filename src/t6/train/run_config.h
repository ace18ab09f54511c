// A training run as one value: what the TOML file and the command line say, checked.
//
//   extends = "base/small.toml"     # optional: a file whose keys this one adds to or replaces, beside this one
//   [model]                         # preset = "small-tpa", and any key of a config.json
//   [data]                          # path = "data/kjv"; or, for a classifier, [task]
//   [optimizer] [schedule] [train]  # the fields below
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "t6/formats/json_object.h"
#include "t6/labelled/labelled_task.h"
#include "t6/model/config.h"
#include "t6/nn/execution.h"
#include "t6/train/adamw_options.h"
#include "t6/train/steps/schedule.h"

namespace t6 {

struct DataConfig {
  std::string path;  // a folder that 't6 prepare' made, or one with token shards; as seen from the working folder
};

struct TaskConfig {
  LabelledSettings documents;    // its files as seen from the working folder
  std::string pooling = "mean";  // or "last" (LabelPooling)
  bool bidirectional = false;
};

struct OptimizerConfig {
  AdamWOptions adamw;
  double clip = 1.0;  // largest global norm of the gradient; 0: no clipping
};

struct ScheduleConfig {
  std::string kind = "cosine";  // or "constant", "wsd" (train/steps/schedule.h)
  int64_t decay_steps = 0;      // of wsd: the last steps, over which the rate falls; 0: a tenth of all
  int64_t warmup_steps = 0;
  double minimum_learning_rate = 0;
};

struct TrainConfig {
  int64_t steps = 1000;
  int64_t batch_size = 16;            // sequences in a forward pass
  int64_t gradient_accumulation = 1;  // forward passes in a step
  int64_t context = 0;                // tokens in a sequence (of a task, at most); 0: max_position_embeddings
  int64_t seed = 0;
  std::string dtype = "float32";     // of products, or "bfloat16" (nn/execution.h)
  std::string attention = "fused";   // or "sdpa" (nn/attention_path.h)
  std::string recompute = "none";    // or "attention", "layer": computed again in the backward pass, not kept
  std::string device = "cpu";        // or "cuda", "cuda:N" (train/device.h)
  int64_t threads = 0;               // 0: all processors that the process may run on
  int64_t log_every = 10;            // steps, as in the next two
  int64_t evaluate_every = 250;      // 0: only at the end
  int64_t checkpoint_every = 1000;   // 0: only at the end
  int64_t evaluate_windows = 64;     // sequences of the validation split; 0, and by itself of a task: all of it
  int64_t keep_checkpoints = 3;      // the newest ones; 0: all
  bool keep_best = true;             // also the one with the lowest validation loss, saved when it is found
  int64_t sample_every = 0;          // steps: make a checkpoint and let it write a text; 0: never
  std::string sample_prompt = "\n";  // what the text goes on from
  double minutes = 0;                // save and stop after this time; 0: no limit
};

struct RunConfig {
  std::string preset;      // empty: none was named
  bool own_vocab = false;  // [model] names vocab_size itself
  ModelConfig model;
  DataConfig data;
  TaskConfig task;  // in the place of `data`: without a file of training documents there is none
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainConfig train;

  bool is_task() const { return !task.documents.train.empty(); }
  int64_t step_tokens() const { return train.batch_size * train.gradient_accumulation * train.context; }
  Schedule learning_rate() const;
  Execution execution() const;
};

// "section.key" and the text of a TOML value ("0.001", "true", "\"text\""). A text that is no TOML value is a string,
// and so is any text for a key that holds a string (data.path = 2024).
struct Setting {
  std::string key, value;
  bool literal = false;  // `value` is a string as it stands, quotation marks and all
};
// "train.steps=100". Error: not of this form.
Setting parse_setting(const std::string& text);

// `path` is a TOML file, or the folder of a run, whose run.json is read. The settings replace what the file says; a
// preset among them also replaces the attention of the file: its kind, and in a run.json, where presets' own values
// cannot be told from the user's, all but what differs from the preset there and is not about attention. `given`: a
// model that training begins with (--from); the section [model] may then be left out, or changes it. Errors name the
// file, the key, what was found and what was wanted; an unknown key is one, and so is one that the model's kind does
// not use.
RunConfig load_run_config(const std::filesystem::path& path, const std::vector<Setting>& settings,
                          const std::optional<ModelConfig>& given = {});

// As run.json holds it: objects model, data (empty of a classifier, which has task), optimizer, schedule and train with
// every key.
Json to_json(const RunConfig& config);

}  // namespace t6
