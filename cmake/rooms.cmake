# A room of the house: every .cc in src/t6/NAME and its subfolders is the library t6_NAME, every tests/NAME/*_test.cc its
# test program. A new file needs no line here: the globs are checked at each build.

option(T6_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" ON)

function(t6_target_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  target_compile_options(${target} PRIVATE -Wall -Wextra
                         # GCC 12 warns about correct std::string code (GCC bug 105651).
                         $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local -Wno-restrict> $<$<BOOL:${T6_WARNINGS_AS_ERRORS}>:-Werror>)
  if(T6_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${T6_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${T6_SANITIZE})
  endif()
endfunction()

# Headers that take long to read are compiled once: for the target itself, or, with AS, for a target like it.
function(t6_precompile target)
  cmake_parse_arguments(HEADERS "" "AS" "" ${ARGN})
  if(HEADERS_AS)
    target_precompile_headers(${target} REUSE_FROM ${HEADERS_AS})
  elseif(HEADERS_UNPARSED_ARGUMENTS)
    target_precompile_headers(${target} PRIVATE ${HEADERS_UNPARSED_ARGUMENTS})
  endif()
endfunction()

# t6_sources(VARIABLE ROOM [WITHOUT subfolder...]): the room's .cc files; the subfolders named are other targets.
function(t6_sources variable room)
  cmake_parse_arguments(SOURCES "" "" "WITHOUT" ${ARGN})
  set(folder ${PROJECT_SOURCE_DIR}/src/t6/${room})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cc)
  foreach(subfolder ${SOURCES_WITHOUT})
    list(FILTER sources EXCLUDE REGEX "^${folder}/${subfolder}/")
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# t6_room(NAME LINK libraries... [PRECOMPILE headers... | PRECOMPILED_AS room] [TEST_LABELS label]
#         [WITHOUT subfolder...] [TEST_LINK libraries...]): the libraries are those the room may include from; its tests
# may look further.
function(t6_room name)
  cmake_parse_arguments(ROOM "" "PRECOMPILED_AS;TEST_LABELS" "LINK;PRECOMPILE;WITHOUT;TEST_LINK" ${ARGN})
  set(library "")
  set(test "")
  if(ROOM_PRECOMPILED_AS)
    set(library t6_${ROOM_PRECOMPILED_AS})
    set(test t6_${ROOM_PRECOMPILED_AS}_test)
  endif()
  t6_sources(sources ${name} WITHOUT ${ROOM_WITHOUT})
  add_library(t6_${name} STATIC ${sources})
  set_target_properties(t6_${name} PROPERTIES LINKER_LANGUAGE CXX)
  t6_target_options(t6_${name})
  target_link_libraries(t6_${name} PUBLIC ${ROOM_LINK})
  t6_precompile(t6_${name} ${ROOM_PRECOMPILE} AS "${library}")
  if(BUILD_TESTING)
    file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cc)
    if(tests)
      t6_test(t6_${name}_test ${tests} LABELS ${ROOM_TEST_LABELS})
      target_link_libraries(t6_${name}_test PRIVATE t6_${name} ${ROOM_TEST_LINK})
      t6_precompile(t6_${name}_test ${ROOM_PRECOMPILE} AS "${test}")
    endif()
  endif()
endfunction()

# t6_test(NAME sources... [PREFIX prefix] [LABELS label]): a test program; the prefix tells its tests apart from another's.
# The target LABEL_tests builds all programs with that label: "threaded" is what uses several threads, for
# ThreadSanitizer; "slow" is left out of quick_tests, which builds what `make quick` runs.
function(t6_test name)
  cmake_parse_arguments(TEST "" "PREFIX;LABELS" "" ${ARGN})
  add_executable(${name} ${TEST_UNPARSED_ARGUMENTS})
  t6_target_options(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  if(NOT TARGET t6_source_dir)
    add_library(t6_source_dir STATIC ${PROJECT_SOURCE_DIR}/tests/source_dir.cc)
    target_compile_definitions(t6_source_dir PRIVATE T6_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_include_directories(t6_source_dir PRIVATE ${PROJECT_SOURCE_DIR})
    t6_target_options(t6_source_dir)
  endif()
  target_link_libraries(${name} PRIVATE t6_source_dir GTest::gmock_main GTest::gtest)
  if(TEST_LABELS)
    if(NOT TARGET ${TEST_LABELS}_tests)
      add_custom_target(${TEST_LABELS}_tests)
    endif()
    add_dependencies(${TEST_LABELS}_tests ${name})
  endif()
  if(NOT TEST_LABELS STREQUAL "slow")
    if(NOT TARGET quick_tests)
      add_custom_target(quick_tests)
    endif()
    add_dependencies(quick_tests ${name})
  endif()
  if(NOT T6_SANITIZE)
    gtest_discover_tests(${name} TEST_PREFIX "${TEST_PREFIX}" DISCOVERY_TIMEOUT 120
                         PROPERTIES TIMEOUT 600 LABELS "${TEST_LABELS}")
    return()
  endif()
  # A process takes longer to start under sanitizers than most tests take: a program's tests share four.
  foreach(shard RANGE 3)
    add_test(NAME ${name}.${shard} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name}.${shard} PROPERTIES TIMEOUT 1800 LABELS "${TEST_LABELS}"
                         ENVIRONMENT "GTEST_TOTAL_SHARDS=4;GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

# t6_program(NAME FOLDER libraries...): the program NAME from src/t6/cli/FOLDER/*.cc, left in the build folder's root.
function(t6_program name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/t6/cli/${folder}/*.cc)
  add_executable(${name} ${sources})
  t6_target_options(${name})
  target_link_libraries(${name} PRIVATE ${ARGN})
  t6_precompile(${name} <CLI/CLI.hpp>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()

# t6_scalar_kernels_test(): the kernels and their tests once more without any vector instruction, the one target that the
# run-time choice never reaches on machines with vectors.
function(t6_scalar_kernels_test)
  t6_sources(kernels kernels)
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/kernels/*_test.cc)
  t6_test(t6_kernels_scalar_test ${kernels} ${tests} PREFIX Scalar. LABELS slow)
  set_target_properties(t6_kernels_scalar_test PROPERTIES UNITY_BUILD OFF)
  target_compile_definitions(t6_kernels_scalar_test PRIVATE HWY_COMPILE_ONLY_SCALAR)
  target_link_libraries(t6_kernels_scalar_test PRIVATE t6_numbers PkgConfig::hwy)
endfunction()

# t6_sanitized_arithmetic(): what computes much is optimized under sanitizers, too, or its tests take long; all else is not,
# or compiling it does.
function(t6_sanitized_arithmetic)
  foreach(target t6_numbers t6_text t6_xgrammar t6_grammar)
    target_compile_options(${target} PRIVATE -O1)
  endforeach()
  t6_sources(kernels kernels)
  set(options -O1)
  if(T6_FUZZ)  # nothing computes there, and optimized kernels would take Clang as long as all the rest
    set(options -O0 -fno-sanitize=all)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # In unrolled code with a sanitizer's checks GCC takes minutes to find what points where, and to mark where each of
    # thousands of vectors ends to live.
    list(APPEND options -fno-tree-pta -fno-sanitize-address-use-after-scope)
  endif()
  set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "${options}")
endfunction()
