// The one thread of a process that calls MPI: it starts operations in the order in which they come, and moves them on
// while the process computes.
#pragma once

#include <mpi.h>
#include <torch/torch.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <vector>

#include "t6/core/stopwatch.h"

namespace t6 {

// An operation that is under way, as LibTorch waits for it: by wait(), or by the future that Reducer wants.
class MpiWork : public c10d::Work {
 public:
  // `result` is what it gives; `held` are tensors that it reads and nobody else keeps.
  MpiWork(c10d::OpType type, std::vector<torch::Tensor> result, std::vector<torch::Tensor> held);
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }
  std::vector<torch::Tensor> result() override { return result_; }
  // For MpiThread. `error` is empty where it went well.
  void complete(const std::string& error);

 private:
  std::vector<torch::Tensor> result_, held_;
  c10::intrusive_ptr<c10::ivalue::Future> future_;
};

class MpiThread {
 public:
  // Messages of one operation that are under way.
  using Requests = std::vector<MPI_Request>;
  // Calls MPI's nonblocking functions, adds their requests, and returns what the last of them returned: the first that
  // is not MPI_SUCCESS ends it.
  using Start = std::function<int(Requests& requests)>;
  // What is left to do when all have come.
  using Then = std::function<void()>;

  // Starts MPI. Error: MPI's own, or MPI was started before.
  MpiThread();
  // Ends MPI: waits until all ranks do so.
  ~MpiThread();
  MpiThread(const MpiThread&) = delete;
  MpiThread& operator=(const MpiThread&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  int ranks_here() const { return ranks_here_; }  // on this machine
  double busy_seconds();                          // so far, with an operation under way

  // From any thread; every rank submits the same operations in the same order.
  void submit(Start start, c10::intrusive_ptr<MpiWork> work, Then then = {});
  // Ends the processes of all ranks.
  [[noreturn]] void end_all(int code);

 private:
  struct Operation {
    Start start;
    c10::intrusive_ptr<MpiWork> work;
    Then then;
    Requests requests;
  };
  void start_mpi();
  void run();
  bool take_new();  // false: to end
  void begin(Operation operation);
  bool move_on();  // whether an operation has ended

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Under the mutex.
  std::deque<Operation> new_;
  bool started_ = false, ending_ = false;
  std::string start_error_;
  int abort_code_ = -1;
  double busy_seconds_ = 0;
  Stopwatch busy_;
  bool is_busy_ = false;
  // Of the thread alone.
  std::deque<Operation> running_;
  int rank_ = 0, size_ = 1, ranks_here_ = 1;
};

// What MPI says of a code of an error.
std::string mpi_message(int code);

}  // namespace t6
