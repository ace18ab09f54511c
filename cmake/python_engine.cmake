# The compiled engine of the Python package: the extension t6._engine from src/t6/python/, with nanobind. It lies in the
# build folder's python/t6/.

find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module OPTIONAL_COMPONENTS Development.SABIModule)
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_VARIABLE nanobind_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
find_package(nanobind 3.1 CONFIG)
if(NOT nanobind_FOUND)
  message(FATAL_ERROR "${Python_EXECUTABLE} has no nanobind, which T6_PYTHON needs. Run 'make wheel', which fetches it, or "
                      "install nanobind 3.1 and give that Python with -DPython_EXECUTABLE=PATH.")
endif()

# nanobind compiles for size; what computes lies in the rooms that this links. From Python 3.12 on the extension runs on
# that version and all later ones.
t6_sources(sources python)
nanobind_add_module(t6_engine_python STABLE_ABI NB_STATIC NB_SUPPRESS_WARNINGS ${sources})
t6_target_options(t6_engine_python)
target_link_libraries(t6_engine_python PRIVATE t6_infer)
# What it shares with other libraries of the process is Python alone.
target_link_options(t6_engine_python PRIVATE LINKER:--exclude-libs,ALL)
include(cmake/python_package.cmake)
set_target_properties(t6_engine_python PROPERTIES OUTPUT_NAME _engine LIBRARY_OUTPUT_DIRECTORY ${T6_PYTHON_PACKAGE})

# What a wheel holds beside the Python files (pyproject.toml).
install(TARGETS t6_engine_python LIBRARY DESTINATION t6 COMPONENT wheel EXCLUDE_FROM_ALL)
install(TARGETS t6 RUNTIME DESTINATION t6/bin COMPONENT wheel EXCLUDE_FROM_ALL)
