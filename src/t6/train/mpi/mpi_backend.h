// What LibTorch's process group asks of its backend, by MPI: the operations that a training run calls, on contiguous
// tensors of the CPU, each a Work that goes on by itself.
#pragma once

#include <memory>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

#include "t6/train/mpi/mpi_thread.h"

namespace t6 {

class MpiBackend : public c10d::Backend {
 public:
  using Tensors = std::vector<torch::Tensor>;
  using Pointer = c10::intrusive_ptr<c10d::Work>;

  explicit MpiBackend(std::shared_ptr<MpiThread> mpi);

  const std::string getBackendName() const override { return "mpi"; }

  // Sums of one tensor, whose order of addition depends on its size and the number of ranks alone.
  Pointer allreduce(Tensors& tensors, const c10d::AllreduceOptions& options) override;
  Pointer broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) override;
  // Of one list of parts, one for each rank, which the ranks have alike and may be of different lengths. An output of
  // reduce_scatter(), and an input of allgather(), is the rank's part of the list itself. Parts of float32 are added in
  // the order of the ranks; the other ranks' stay.
  Pointer reduce_scatter(Tensors& outputs, std::vector<Tensors>& inputs,
                         const c10d::ReduceScatterOptions& options) override;
  Pointer allgather(std::vector<Tensors>& outputs, Tensors& inputs, const c10d::AllgatherOptions& options) override;
  // Where there are parts, one for each rank, they are of one length and lie one behind another in one tensor.
  Pointer gather(std::vector<Tensors>& outputs, Tensors& inputs, const c10d::GatherOptions& options) override;
  Pointer scatter(Tensors& outputs, std::vector<Tensors>& inputs, const c10d::ScatterOptions& options) override;

 private:
  // Lends a tensor of so many float32 numbers that it keeps when nobody has it any more.
  torch::Tensor scratch(int64_t numbers);

  std::shared_ptr<MpiThread> mpi_;
  Tensors scratch_;
};

}  // namespace t6
