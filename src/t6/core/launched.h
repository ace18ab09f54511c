// Whether a launcher of MPI started this process as one of several.
#pragma once

#include <array>
#include <cstdlib>
#include <optional>
#include <string>

namespace t6 {

// The variable that tells, if any: of Open MPI's mpirun, of srun with PMIx, of MPICH's mpirun and of srun with PMI-2.
inline std::optional<std::string> launched() {
  constexpr std::array kVariables = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};
  for (const char* name : kVariables) {
    if (std::getenv(name)) return name;
  }
  return std::nullopt;
}

}  // namespace t6
