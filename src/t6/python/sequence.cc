#include "t6/python/sequence.h"

#include <nanobind/nanobind.h>

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/infer/cache_file.h"
#include "t6/infer/sampler.h"

namespace t6 {
namespace {

namespace nb = nanobind;

constexpr double kSignalSeconds = 0.05;  // between two looks: taking Python's lock may wait for another thread

}  // namespace

PythonRun::PythonRun(std::shared_ptr<PythonModel> model)
    : model_(std::move(model)),
      engine_(model_->context(), model_->loaded().model, {.memory = model_->cache().memory}) {}

PythonRun::~PythonRun() {
  for (const auto& sequence : sequences_) engine_.remove(*sequence);
}

void PythonRun::add(std::shared_ptr<Sequence> sequence, CancelToken& cancel) {
  engine_.add(sequence);
  cancels_.push_back(&cancel);
  sequences_.push_back(std::move(sequence));
}

std::span<const SequenceEvent> PythonRun::step() {
  look_for_signals();
  const std::lock_guard lock(model_->mutex());
  return engine_.step();
}

void PythonRun::look_for_signals() {
  if (looked_.seconds() < kSignalSeconds) return;
  looked_ = Stopwatch();
  const nb::gil_scoped_acquire lock;
  if (PyErr_CheckSignals() == 0) return;
  const nb::python_error raised;
  for (CancelToken* cancel : cancels_) cancel->cancel();
  engine_.step();  // ends what is cancelled, and computes nothing
  throw raised;
}

PythonSequence::PythonSequence(std::shared_ptr<PythonModel> model)
    : model_(std::move(model)), sequence_(std::make_shared<Sequence>(model_->loaded(), model_->cache())) {}

std::unique_lock<std::mutex> PythonSequence::own() {
  std::unique_lock lock(mutex_, std::try_to_lock);
  require(lock.owns_lock(), "the sequence is in use by another thread");
  return lock;
}

std::vector<int32_t> PythonSequence::tokens() {
  const auto lock = own();
  return sequence_->tokens();
}

int64_t PythonSequence::cached() {
  const auto lock = own();
  return sequence_->cache().size();
}

void PythonSequence::append(const std::vector<int32_t>& ids) {
  const auto lock = own();
  sequence_->append(ids);
}

void PythonSequence::truncate(int64_t size) {
  const auto lock = own();
  sequence_->truncate(size);
}

void PythonSequence::begin(const GenerateOptions& options) {
  const auto lock = own();
  start(options);
}

std::optional<std::string> PythonSequence::next() {
  const auto lock = own();
  return advance();
}

void PythonSequence::close() {
  const auto lock = own();
  run_.reset();
}

Generated PythonSequence::result() {
  const auto lock = own();
  return sequence_->result();
}

std::vector<int32_t> PythonSequence::written() {
  const auto lock = own();
  const std::vector<int32_t>& all = sequence_->tokens();
  return {all.begin() + static_cast<std::ptrdiff_t>(std::min(begin_, all.size())), all.end()};
}

void PythonSequence::start(GenerateOptions options) {
  cancel_.reset();
  options.cancel = &cancel_;
  sequence_->begin(options);
  begin_ = sequence_->tokens().size();
}

std::optional<std::string> PythonSequence::advance() {
  if (!run_) {
    if (sequence_->state() != SequenceState::waiting) return std::nullopt;
    run_ = std::make_unique<PythonRun>(model_);
    run_->add(sequence_, cancel_);
  }
  try {
    while (!sequence_->finished()) {
      for (const SequenceEvent& event : run_->step()) {
        if (!event.text.empty()) return std::string(event.text);
      }
    }
  } catch (...) {
    run_.reset();
    throw;
  }
  run_.reset();
  require_no_error();
  return std::nullopt;
}

void PythonSequence::require_no_error() const {
  const Generated& result = sequence_->result();
  if (result.reason == StopReason::error) fail("{}", result.error);
}

void PythonSequence::run_all(const std::vector<std::shared_ptr<PythonSequence>>& sequences) {
  if (sequences.empty()) return;
  std::vector<std::unique_lock<std::mutex>> locks;
  PythonRun run(sequences.front()->model_);
  for (const auto& sequence : sequences) {
    require(sequence->model_ == sequences.front()->model_, "sequences of several models do not run together");
    locks.push_back(sequence->own());
    run.add(sequence->sequence_, sequence->cancel_);
  }
  while (!run.finished()) run.step();
  for (const auto& sequence : sequences) sequence->require_no_error();
}

void PythonSequence::save(const std::filesystem::path& path) {
  const auto lock = own();
  if (sequence_->cache().size() < std::ssize(sequence_->tokens())) {
    start({.max_tokens = 0});
    while (advance()) continue;
  }
  save_cache(path, *model_->loaded().model, sequence_->cache(), sequence_->tokens());
}

void PythonSequence::load(const std::filesystem::path& path) {
  const auto lock = own();
  FactorCache loaded = sequence_->cache().fork();
  std::vector<int32_t> tokens = load_cache(path, *model_->loaded().model, loaded);
  sequence_->restore(std::move(tokens), std::move(loaded));
}

std::vector<std::vector<double>> python_score(const std::shared_ptr<PythonModel>& model,
                                              const std::vector<std::vector<int32_t>>& lists) {
  std::vector<std::vector<double>> scores(lists.size());
  CancelToken cancel;
  PythonRun run(model);
  std::vector<std::shared_ptr<Sequence>> sequences;
  for (size_t i = 0; i < lists.size(); ++i) {
    const std::vector<int32_t>& ids = lists[i];
    require(ids.size() >= 2, "a text of {} tokens has no scores: each is scored by those before it", ids.size());
    const auto sequence = std::make_shared<Sequence>(model->loaded(), model->cache());
    sequences.push_back(sequence);
    sequence->append(ids);
    const auto width = static_cast<size_t>(model->loaded().config().vocab_size);
    const auto take = [&ids, &score = scores[i], width](int64_t first, std::span<const float> rows) {
      for (size_t row = 0; row * width < rows.size(); ++row) {
        const size_t next = static_cast<size_t>(first) + row + 1;
        if (next < ids.size()) score.push_back(log_probability(rows.subspan(row * width, width), ids[next]));
      }
    };
    sequence->begin({.max_tokens = 0, .prompt_logits = {0, take}, .cancel = &cancel});
    run.add(sequence, cancel);
  }
  while (!run.finished()) run.step();
  for (const auto& sequence : sequences) {
    if (sequence->result().reason == StopReason::error) fail("{}", sequence->result().error);
  }
  return scores;
}

}  // namespace t6
