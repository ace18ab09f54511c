# LibTorch as the target t6::torch, its headers as system headers so that its warnings are its own.

find_package(Torch QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "The training wing needs LibTorch 2.11 to 2.14 and none was found. Run 'make build', which sets one "
                      "up, or give one with -DCMAKE_PREFIX_PATH=DIR (for a Python wheel DIR is "
                      "site-packages/torch/share/cmake), or build the serving wing alone with -DT6_TRAINING=OFF.")
endif()
if(Torch_VERSION VERSION_LESS 2.11 OR Torch_VERSION VERSION_GREATER_EQUAL 2.15)
  message(FATAL_ERROR "The training wing needs LibTorch 2.11 to 2.14; ${Torch_DIR} holds ${Torch_VERSION}.")
endif()
if(T6_SANITIZE)
  message(FATAL_ERROR "The sanitizers run on everything without Torch: add -DT6_TRAINING=OFF.")
endif()

add_library(t6_torch INTERFACE)
add_library(t6::torch ALIAS t6_torch)
target_link_libraries(t6_torch INTERFACE ${TORCH_LIBRARIES})
target_include_directories(t6_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
# -fPIC for everything that sees Torch: the operators are also a library that Python loads, and one precompiled header
# serves all only with the same flags.
target_compile_options(t6_torch INTERFACE ${torch_flags} -fPIC)
# at::parallel_for is compiled into its caller, and uses LibTorch's threads only where OpenMP is on.
find_package(OpenMP REQUIRED)
target_link_libraries(t6_torch INTERFACE OpenMP::OpenMP_CXX)
