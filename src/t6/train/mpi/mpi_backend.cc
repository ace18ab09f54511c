#include "t6/train/mpi/mpi_backend.h"

#include <algorithm>
#include <array>
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

// The one list, of which `own` is this rank's part.
const MpiBackend::Tensors& own_in_place(const std::vector<MpiBackend::Tensors>& lists, const torch::Tensor& own,
                                        int rank, int size) {
  require(lists.size() == 1 && std::ssize(lists[0]) == size, "MPI: not one list of a part for each of {} ranks", size);
  require(place_of(lists[0][static_cast<size_t>(rank)]) == place_of(own), "MPI: a part must be in its place");
  return lists[0];
}

// Numbers of a tensor to or from a rank.
struct Message {
  Message(const torch::Tensor& tensor, int64_t rank)
      : place(place_of(tensor)), count(count_of(tensor)), type(type_of(tensor)), rank(static_cast<int>(rank)) {}
  char* place;
  int count;
  MPI_Datatype type;
  int rank;
};

// Messages of the same two ranks come in the order in which they were sent, so that they need no names.
int exchange(const std::vector<Message>& in, const std::vector<Message>& out, MpiThread::Requests& requests) {
  int code = MPI_SUCCESS;
  for (const Message& m : in) {
    if (code != MPI_SUCCESS || m.count == 0) continue;
    code = MPI_Irecv(m.place, m.count, m.type, m.rank, 0, MPI_COMM_WORLD, &requests.emplace_back());
  }
  for (const Message& m : out) {
    if (code != MPI_SUCCESS || m.count == 0) continue;
    code = MPI_Isend(m.place, m.count, m.type, m.rank, 0, MPI_COMM_WORLD, &requests.emplace_back());
  }
  return code;
}

// The sum may be one of what is added. Piece by piece, so that what was added stays in the cache.
void add_up(const std::vector<const float*>& addends, float* sum, int64_t count) {
  constexpr int64_t kPiece = 2048;
  std::array<float, kPiece> piece;
  for (int64_t begin = 0; begin < count; begin += kPiece) {
    const int64_t size = std::min(kPiece, count - begin);
    std::copy_n(addends[0] + begin, size, piece.data());
    for (size_t a = 1; a < addends.size(); ++a) {
      const float* from = addends[a] + begin;
      for (int64_t i = 0; i < size; ++i) piece[static_cast<size_t>(i)] += from[i];
    }
    std::copy_n(piece.data(), size, sum + begin);
  }
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
      [from = in.const_data_ptr(), to = out.data_ptr(), count, type](MpiThread::Requests& requests) {
        return MPI_Iallreduce(from, to, count, type, MPI_SUM, MPI_COMM_WORLD, &requests.emplace_back());
      },
      work);
  return work;
}

MpiBackend::Pointer MpiBackend::broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) {
  const torch::Tensor& tensor = only(tensors);
  const int count = count_of(tensor), root = static_cast<int>(options.rootRank);
  const MPI_Datatype type = type_of(tensor);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::BROADCAST, tensors, Tensors{});
  mpi_->submit(
      [numbers = tensor.data_ptr(), count, type, root](MpiThread::Requests& requests) {
        return MPI_Ibcast(numbers, count, type, root, MPI_COMM_WORLD, &requests.emplace_back());
      },
      work);
  return work;
}

MpiBackend::Pointer MpiBackend::reduce_scatter(Tensors& outputs, std::vector<Tensors>& inputs,
                                               const c10d::ReduceScatterOptions& options) {
  require(options.reduceOp == c10d::ReduceOp::SUM, "MPI: sums are all that ranks reduce to");
  const Tensors& parts = own_in_place(inputs, only(outputs), rank_, size_);
  const torch::Tensor& own = outputs[0];
  require(type_of(own) == MPI_FLOAT, "MPI: numbers of type {} are not summed in parts", toString(own.scalar_type()));
  const torch::Tensor theirs = scratch((size_ - 1) * own.numel());
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::REDUCE_SCATTER, outputs, Tensors{theirs});
  std::vector<Message> out, in;
  std::vector<const float*> addends;
  for (int64_t rank = 0; rank < size_; ++rank) {
    if (rank == rank_) {
      addends.push_back(own.const_data_ptr<float>());
      continue;
    }
    const torch::Tensor from = theirs.narrow(0, std::ssize(in) * own.numel(), own.numel());
    addends.push_back(from.const_data_ptr<float>());
    in.emplace_back(from, rank);
    out.emplace_back(parts[static_cast<size_t>(rank)], rank);
  }
  mpi_->submit([in, out](MpiThread::Requests& requests) { return exchange(in, out, requests); }, work,
               [addends, sum = own.data_ptr<float>(), count = own.numel()] { add_up(addends, sum, count); });
  return work;
}

MpiBackend::Pointer MpiBackend::allgather(std::vector<Tensors>& outputs, Tensors& inputs,
                                          const c10d::AllgatherOptions&) {
  const Tensors& parts = own_in_place(outputs, only(inputs), rank_, size_);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::ALLGATHER, parts, Tensors{});
  std::vector<Message> out, in;
  for (int64_t rank = 0; rank < size_; ++rank) {
    if (rank == rank_) continue;
    in.emplace_back(parts[static_cast<size_t>(rank)], rank);
    out.emplace_back(inputs[0], rank);
  }
  mpi_->submit([in, out](MpiThread::Requests& requests) { return exchange(in, out, requests); }, work);
  return work;
}

torch::Tensor MpiBackend::scratch(int64_t numbers) {
  const auto serves = [&](const torch::Tensor& tensor) {
    return tensor.storage().use_count() == 1 && tensor.numel() >= numbers;  // a view that was lent counts too
  };
  auto found = std::find_if(scratch_.begin(), scratch_.end(), serves);
  if (found == scratch_.end()) found = scratch_.insert(found, torch::empty({numbers}));
  return found->narrow(0, 0, numbers);
}

MpiBackend::Pointer MpiBackend::gather(std::vector<Tensors>& outputs, Tensors& inputs,
                                       const c10d::GatherOptions& options) {
  const torch::Tensor& part = only(inputs);
  const int count = count_of(part), root = static_cast<int>(options.rootRank);
  const MPI_Datatype type = type_of(part);
  void* to = parts_of(outputs, part, size_);
  auto work = c10::make_intrusive<MpiWork>(c10d::OpType::GATHER, outputs.empty() ? Tensors{} : outputs[0], inputs);
  mpi_->submit(
      [from = part.const_data_ptr(), to, count, type, root](MpiThread::Requests& requests) {
        return MPI_Igather(from, count, type, to, count, type, root, MPI_COMM_WORLD, &requests.emplace_back());
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
      [from, to = part.data_ptr(), count, type, root](MpiThread::Requests& requests) {
        return MPI_Iscatter(from, count, type, to, count, type, root, MPI_COMM_WORLD, &requests.emplace_back());
      },
      work);
  return work;
}

}  // namespace t6
