// The processes that train one model together, each with its rank: who they are, and what they tell each other.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "t6/core/error.h"

namespace c10d {
class ProcessGroup;
}

namespace t6 {

// An error that every rank throws, so that one of them can tell it for all.
class SharedError : public Error {
 public:
  using Error::Error;
};

// What a rank and the others exchanged since the counters were last taken.
struct Communication {
  double reduced_bytes = 0;   // of gradients that were summed over the ranks
  double hidden_bytes = 0;    // of these, summed before the backward pass had its last gradient
  double gathered_bytes = 0;  // of parameters that their ranks had updated
  double busy_seconds = 0;    // something was under way
  double waited_seconds = 0;  // this rank had nothing else to do meanwhile

  Communication& operator+=(const Communication& other);
};

// How ranks reach each other: a process group of LibTorch, and what it does not know.
struct RankGroup {
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  int64_t ranks_here = 1;                // on this machine
  std::function<double()> busy_seconds;  // so far, with an operation under way
  std::function<void(int)> end_all;      // ends the processes of all ranks with this exit code
};

// Every function but the first ones is collective: all ranks call it, in the same order, and it returns when they have.
// A process alone is rank 0 of 1, and has nothing to wait for.
class Ranks {
 public:
  Ranks();
  explicit Ranks(RankGroup group);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int64_t rank() const { return rank_; }
  int64_t size() const { return size_; }
  bool first() const { return rank_ == 0; }
  int64_t ranks_here() const { return group_.ranks_here; }  // on this machine, this one among them
  const c10::intrusive_ptr<c10d::ProcessGroup>& group() const { return group_.group; }  // null: alone
  // Ends all ranks: for an error that the others do not know of.
  void end_all(int code) const;

  Communication take_counters();
  void count(const Communication& more) { counters_ += more; }

  // Each number summed in float64.
  std::vector<double> sum(std::vector<double> numbers);
  bool any(bool here);
  // The first rank's, on all.
  std::string tell(std::string text);
  void broadcast(const torch::Tensor& tensor);

  // Of each list, a part of every rank, the rank's own is given: afterwards it has those of all.
  void all_gather(const std::vector<std::vector<torch::Tensor>>& lists);
  // Between the first of several ranks, whose `whole` is [size() * n], and all, whose `share` is [n]. On the others
  // `whole` is not looked at.
  void gather(const torch::Tensor& share, const torch::Tensor& whole);
  void scatter(const torch::Tensor& whole, const torch::Tensor& share);

  // Calls it, on the first rank or on all. What one throws as an Error all throw, as a SharedError.
  void on_first(const std::function<void()>& action);
  void together(const std::function<void()>& action);

 private:
  void broadcast_from(int64_t root, const torch::Tensor& tensor);
  std::string tell_from(int64_t root, std::string text);

  RankGroup group_;
  int64_t rank_ = 0, size_ = 1;
  Communication counters_;
  double busy_before_ = 0;
};

// Joins the ranks that mpirun or srun started; a process that neither started is alone. Errors: MPI cannot be started;
// ranks were started and this program was built without MPI.
std::shared_ptr<Ranks> join_ranks();

}  // namespace t6
