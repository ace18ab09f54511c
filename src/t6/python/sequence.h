// A sequence of a model as Python holds it: what it has read, and the generation that is under way.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/core/stopwatch.h"
#include "t6/infer/engine.h"
#include "t6/infer/sequence.h"
#include "t6/python/model.h"

namespace t6 {

// Runs sequences of one model together. Each step holds the model's mutex; between steps it looks for Python's signals.
// Called without Python's lock.
class PythonRun {
 public:
  explicit PythonRun(std::shared_ptr<PythonModel> model);
  ~PythonRun();  // ends what has not ended
  PythonRun(const PythonRun&) = delete;
  PythonRun& operator=(const PythonRun&) = delete;

  // A sequence that has begun with this token, which outlives the run.
  void add(std::shared_ptr<Sequence> sequence, CancelToken& cancel);
  bool finished() const { return engine_.idle(); }
  // The events, valid until the next step. Errors: those of Engine; what a handler of a signal raises, as
  // KeyboardInterrupt, after which all sequences have ended as interrupted and keep what was written.
  std::span<const SequenceEvent> step();

 private:
  void look_for_signals();

  std::shared_ptr<PythonModel> model_;
  Engine engine_;
  std::vector<std::shared_ptr<Sequence>> sequences_;
  std::vector<CancelToken*> cancels_;
  Stopwatch looked_;
};

// For one thread at a time: what another thread calls meanwhile is an Error.
class PythonSequence {
 public:
  explicit PythonSequence(std::shared_ptr<PythonModel> model);

  const PythonModel& model() const { return *model_; }
  std::vector<int32_t> tokens();
  int64_t cached();
  void append(const std::vector<int32_t>& ids);
  void truncate(int64_t size);

  // Begins a generation, which next() runs: pieces of the text as they come, nothing at its end. close() ends it early.
  // Errors: those of Sequence::begin() and PythonRun::step(); what ended the generation where that is an error.
  void begin(const GenerateOptions& options);
  std::optional<std::string> next();
  void close();
  Generated result();
  std::vector<int32_t> written();  // tokens of the text so far

  // Runs generations that have begun to their ends, together.
  static void run_all(const std::vector<std::shared_ptr<PythonSequence>>& sequences);

  // As Session's.
  void save(const std::filesystem::path& path);
  void load(const std::filesystem::path& path);

 private:
  // Error: another thread is at it.
  [[nodiscard]] std::unique_lock<std::mutex> own();
  void start(GenerateOptions options);
  std::optional<std::string> advance();
  void require_no_error() const;

  std::mutex mutex_;
  std::shared_ptr<PythonModel> model_;
  std::shared_ptr<Sequence> sequence_;
  CancelToken cancel_;
  std::unique_ptr<PythonRun> run_;
  size_t begin_ = 0;  // tokens when the generation began
};

// Of each list of tokens, the natural logarithms of the probabilities of its second token, its third, ..., given those
// before; the lists are read together. Error: fewer than two tokens.
std::vector<std::vector<double>> python_score(const std::shared_ptr<PythonModel>& model,
                                              const std::vector<std::vector<int32_t>>& lists);

}  // namespace t6
