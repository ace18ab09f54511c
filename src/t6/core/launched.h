// Whether a launcher of MPI started this process as one of several.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace t6 {

// What a launcher tells each process: Open MPI's mpirun, srun with PMIx, MPICH's mpirun and srun with PMI-2.
struct LaunchVariables {
  const char *mark, *rank;
};
inline constexpr std::array kLaunchVariables = {LaunchVariables{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                                LaunchVariables{"PMIX_RANK", "PMIX_RANK"},
                                                LaunchVariables{"PMI_RANK", "PMI_RANK"}};

// The variable that tells, if any.
inline std::optional<std::string> launched() {
  for (const LaunchVariables& names : kLaunchVariables) {
    if (std::getenv(names.mark)) return names.mark;
  }
  return std::nullopt;
}

// The number of this process among those, from 0; 0 of one that was started by itself.
inline int64_t launched_rank() {
  for (const LaunchVariables& names : kLaunchVariables) {
    const char* rank = std::getenv(names.mark) ? std::getenv(names.rank) : nullptr;
    if (rank) return std::strtoll(rank, nullptr, 10);
  }
  return 0;
}

// From now on this process, and those that it starts, are as if started by themselves. Not beside other threads.
inline void forget_launch() {
  for (const LaunchVariables& names : kLaunchVariables) ::unsetenv(names.mark);
}

}  // namespace t6
