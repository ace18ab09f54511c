// Joins the ranks that MPI's launcher started.
#include <cstdlib>
#include <memory>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "t6/core/launched.h"
#include "t6/train/mpi/mpi_backend.h"
#include "t6/train/ranks.h"

namespace t6 {
namespace {

// Open MPI's default among its nonblocking sums sends everything to one rank where there are fewer than four.
void choose_algorithm() { ::setenv("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "rabenseifner", /*overwrite=*/0); }

}  // namespace

std::shared_ptr<Ranks> join_ranks() {
  if (!launched()) return std::make_shared<Ranks>();
  choose_algorithm();
  const auto mpi = std::make_shared<MpiThread>();
  const auto backend = c10::make_intrusive<MpiBackend>(mpi);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(mpi->rank(), mpi->size());
  group->setBackend(torch::kCPU, c10d::ProcessGroup::BackendType::CUSTOM, backend);
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::CUSTOM);
  return std::make_shared<Ranks>(RankGroup{.group = std::move(group),
                                           .ranks_here = mpi->ranks_here(),
                                           .busy_seconds = [mpi] { return mpi->busy_seconds(); },
                                           .end_all = [mpi](int code) { mpi->end_all(code); }});
}

}  // namespace t6
