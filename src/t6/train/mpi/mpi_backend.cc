#include "t6/train/mpi/mpi_backend.h"

#include <limits>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

MPI_Datatype type_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kFloat:
      return MPI_FLOAT;
    case torch::kDouble:
      return MPI_DOUBLE;
    case torch::kByte:
      return MPI_BYTE;
    default:
      fail("MPI: no numbers of type {} are sent", toString(tensor.scalar_type()));
  }
}

int count_of(const torch::Tensor& tensor) {
  require(tensor.is_contiguous() && tensor.is_cpu(), "MPI: a tensor to send must be contiguous, on the CPU");
  require(tensor.numel() <= std::numeric_limits<int>::max(), "MPI: {} numbers are more than one message may have, {}",
          tensor.numel(), std::numeric_limits<int>::max());
  return static_cast<int>(tensor.numel());
}

const torch::Tensor& only(const MpiBackend::Tensors& tensors) {
  require(tensors.size() == 1, "MPI: {} tensors in one operation, which takes one", tensors.size());
  return tensors.front();
}

char* place_of(const torch::Tensor& tensor) { return static_cast<char*>(tensor.data_ptr()); }

// The parts of `lists` on the root, which lie one behind another from the first on; null elsewhere.
char* parts_of(const std::vector<MpiBackend::Tensors>& lists, const torch::Tensor& part, int size) {
  if (lists.empty()) return nullptr;
  const MpiBackend::Tensors& parts = lists.front();
  require(std::ssize(parts) == size, "MPI: {} parts for {} ranks", parts.size(), size);
  for (int64_t i = 0; i < size; ++i) {
    const torch::Tensor& each = parts[static_cast<size_t>(i)];
    require(each.numel() == part.numel() && each.scalar_type() == part.scalar_type() &&
                place_of(each) == place_of(parts[0]) + static_cast<size_t>(i) * part.nbytes(),
            "MPI: the parts of ranks must lie one behind another");
  }
  return place_of(parts[0]);
}

}  // namespace

MpiBackend::MpiBackend(std::shared_ptr<MpiThread> mpi) : Backend(mpi->rank(), mpi->size()), mpi_(std::move(mpi)) {}

MpiBackend::Pointer MpiBackend::allreduce(Tensors& tensors, const c10d::AllreduceOptions& options) {
  require(options.reduceOp == c10d::ReduceOp::SUM, "MPI: sums are all that ranks reduce to");
  const torch::Tensor out = only(tensors);
  // Open MPI halves what a rank sends where the sum is not made in place.
  const torch::Tensor in = out.clone();
  const int count = count_of(out);
  const MPI_Datatype type = type_of(out);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::ALLREDUCE, tensors, Tensors{in});
  mpi_->submit(
      [from = in.const_data_ptr(), to = out.data_ptr(), count, type](MPI_Request* request) {
        return MPI_Iallreduce(from, to, count, type, MPI_SUM, MPI_COMM_WORLD, request);
      },
      work);
  return work;
}

MpiBackend::Pointer MpiBackend::broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) {
  const torch::Tensor& tensor = only(tensors);
  const int count = count_of(tensor), root = static_cast<int>(options.rootRank);
  const MPI_Datatype type = type_of(tensor);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::BROADCAST, tensors, Tensors{});
  mpi_->submit([numbers = tensor.data_ptr(), count, type,
                root](MPI_Request* request) { return MPI_Ibcast(numbers, count, type, root, MPI_COMM_WORLD, request); },
               work);
  return work;
}

MpiBackend::Pointer MpiBackend::allgather(std::vector<Tensors>& outputs, Tensors& inputs,
                                          const c10d::AllgatherOptions&) {
  const torch::Tensor& part = only(inputs);
  const int count = count_of(part);
  const MPI_Datatype type = type_of(part);
  char* numbers = parts_of(outputs, part, size_);
  require(numbers + static_cast<size_t>(rank_) * part.nbytes() == place_of(part), "MPI: a part must be in its place");
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::ALLGATHER, outputs[0], Tensors{});
  mpi_->submit(
      [numbers, count, type](MPI_Request* request) {
        return MPI_Iallgather(MPI_IN_PLACE, 0, type, numbers, count, type, MPI_COMM_WORLD, request);
      },
      work);
  return work;
}

MpiBackend::Pointer MpiBackend::gather(std::vector<Tensors>& outputs, Tensors& inputs,
                                       const c10d::GatherOptions& options) {
  const torch::Tensor& part = only(inputs);
  const int count = count_of(part), root = static_cast<int>(options.rootRank);
  const MPI_Datatype type = type_of(part);
  void* to = parts_of(outputs, part, size_);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::GATHER, outputs.empty() ? Tensors{} : outputs[0], inputs);
  mpi_->submit(
      [from = part.const_data_ptr(), to, count, type, root](MPI_Request* request) {
        return MPI_Igather(from, count, type, to, count, type, root, MPI_COMM_WORLD, request);
      },
      work);
  return work;
}

MpiBackend::Pointer MpiBackend::scatter(Tensors& outputs, std::vector<Tensors>& inputs,
                                        const c10d::ScatterOptions& options) {
  const torch::Tensor& part = only(outputs);
  const int count = count_of(part), root = static_cast<int>(options.rootRank);
  const MPI_Datatype type = type_of(part);
  const void* from = parts_of(inputs, part, size_);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::SCATTER, outputs, inputs.empty() ? Tensors{} : inputs[0]);
  mpi_->submit(
      [from, to = part.data_ptr(), count, type, root](MPI_Request* request) {
        return MPI_Iscatter(from, count, type, to, count, type, root, MPI_COMM_WORLD, request);
      },
      work);
  return work;
}

}  // namespace t6
