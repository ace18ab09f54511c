#include "t6/train/mpi/mpi_thread.h"

#include <chrono>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

// Looks at operations so often in a row without leaving the processor, then so long apart: short messages come at once,
// and what takes long leaves the processor to the backward pass.
constexpr int kEager = 50;
constexpr auto kPause = std::chrono::microseconds(20);

}  // namespace

std::string mpi_message(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return {text, static_cast<size_t>(length)};
}

MpiWork::MpiWork(c10d::OpType type, std::vector<torch::Tensor> result, std::vector<torch::Tensor> held)
    : Work(/*rank=*/-1, type),
      result_(std::move(result)),
      held_(std::move(held)),
      future_(c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()))) {}

void MpiWork::complete(const std::string& error) {
  held_.clear();
  if (error.empty()) {
    future_->markCompleted(c10::IValue(result_));
    return finish();
  }
  const auto raised = std::make_exception_ptr(Error("MPI: " + error));
  future_->setError(raised);
  finish(raised);
}

MpiThread::MpiThread() {
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return started_; });
  if (start_error_.empty()) return;
  lock.unlock();
  thread_.join();
  fail("MPI cannot be started: {}", start_error_);
}

MpiThread::~MpiThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

double MpiThread::busy_seconds() {
  const std::lock_guard lock(mutex_);
  return busy_seconds_ + (is_busy_ ? busy_.seconds() : 0);
}

void MpiThread::submit(Start start, c10::intrusive_ptr<MpiWork> work, Then then) {
  {
    const std::lock_guard lock(mutex_);
    new_.push_back({std::move(start), std::move(work), std::move(then), {}});
    if (!std::exchange(is_busy_, true)) busy_ = Stopwatch();
  }
  changed_.notify_all();
}

void MpiThread::end_all(int code) {
  {
    const std::lock_guard lock(mutex_);
    abort_code_ = code;
  }
  changed_.notify_all();
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));  // until MPI ends the process
}

void MpiThread::start_mpi() {
  int provided = 0, code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  if (code != MPI_SUCCESS) return start_error_.assign(mpi_message(code)), void();
  if (provided < MPI_THREAD_FUNNELED) return start_error_.assign("it was built for programs without threads"), void();
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
  MPI_Comm_size(machine, &ranks_here_);
  MPI_Comm_free(&machine);
}

void MpiThread::run() {
  {
    const std::lock_guard lock(mutex_);
    start_mpi();
    started_ = true;
  }
  changed_.notify_all();
  if (!start_error_.empty()) return;
  for (int fruitless = 0; take_new();) {
    fruitless = move_on() ? 0 : fruitless + 1;
    if (fruitless < kEager) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kPause);
    }
  }
  MPI_Finalize();
}

bool MpiThread::take_new() {
  std::deque<Operation> operations;
  int abort_code = -1;
  {
    std::unique_lock lock(mutex_);
    if (new_.empty() && running_.empty() && is_busy_) {
      busy_seconds_ += busy_.seconds();
      is_busy_ = false;
    }
    changed_.wait(lock, [&] { return !new_.empty() || !running_.empty() || ending_ || abort_code_ >= 0; });
    operations.swap(new_);
    abort_code = abort_code_;
  }
  if (abort_code >= 0) MPI_Abort(MPI_COMM_WORLD, abort_code);
  for (Operation& operation : operations) begin(std::move(operation));
  return !running_.empty() || !ending_;
}

void MpiThread::begin(Operation operation) {
  const int code = operation.start(operation.requests);
  if (code != MPI_SUCCESS) return operation.work->complete(mpi_message(code));
  running_.push_back(std::move(operation));
}

bool MpiThread::move_on() {
  for (auto operation = running_.begin(); operation != running_.end(); ++operation) {
    Requests& requests = operation->requests;
    int done = 0;
    const int code = MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    if (code == MPI_SUCCESS && !done) continue;
    if (code == MPI_SUCCESS && operation->then) operation->then();
    operation->work->complete(code == MPI_SUCCESS ? "" : mpi_message(code));
    running_.erase(operation);
    return true;
  }
  return false;
}

}  // namespace t6
