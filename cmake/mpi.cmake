# MPI for training by several processes: AUTO takes it where it is found, ON insists, OFF does without. `make setup MPI=ON`
# installs Debian's Open MPI.

set(T6_MPI AUTO CACHE STRING "Train by several processes with MPI: AUTO, ON or OFF")
set_property(CACHE T6_MPI PROPERTY STRINGS AUTO ON OFF)

set(T6_MPI_FOUND FALSE)
if(T6_MPI)
  find_package(MPI QUIET COMPONENTS CXX)
  set(T6_MPI_FOUND ${MPI_CXX_FOUND})
  if(NOT T6_MPI_FOUND AND NOT T6_MPI STREQUAL "AUTO")
    message(FATAL_ERROR "T6_MPI is ${T6_MPI} and there is no MPI. Run 'make setup MPI=ON', which installs Open MPI, or give "
                        "one with -DMPI_HOME=DIR, or leave it out with -DT6_MPI=OFF.")
  endif()
endif()

# t6_mpi(TARGET): adds what joins MPI's ranks to a room, or what says that it cannot.
function(t6_mpi target)
  set(folder ${PROJECT_SOURCE_DIR}/src/t6/train/mpi)
  if(NOT T6_MPI_FOUND)
    message(STATUS "MPI: not used (T6_MPI is ${T6_MPI})")
    target_sources(${target} PRIVATE ${folder}/without.cc)
    return()
  endif()
  message(STATUS "MPI: ${MPI_CXX_LIBRARIES}")
  set(sources ${folder}/mpi_thread.cc ${folder}/mpi_backend.cc ${folder}/join.cc)
  target_sources(${target} PRIVATE ${sources})
  # For these files alone, as a system's header; its C++ functions are gone from the standard.
  list(TRANSFORM MPI_CXX_INCLUDE_DIRS PREPEND "-isystem;" OUTPUT_VARIABLE includes)
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${includes}"
                              COMPILE_DEFINITIONS "OMPI_SKIP_MPICXX;MPICH_SKIP_MPICXX")
  target_link_libraries(${target} PRIVATE ${MPI_CXX_LIBRARIES})
endfunction()
