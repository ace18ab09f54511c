# The compiler and its flags; an unsupported one is refused here rather than by a page of errors.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "T6 needs GCC 12 or newer (C++20); this is GCC ${CMAKE_CXX_COMPILER_VERSION}. "
                      "Install g++-12 and configure with -DCMAKE_CXX_COMPILER=g++-12.")
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
  message(FATAL_ERROR "T6 needs Clang 15 or newer (C++20); this is Clang ${CMAKE_CXX_COMPILER_VERSION}. "
                      "Install a newer one and configure with -DCMAKE_CXX_COMPILER=PATH.")
elseif(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "T6 is built with GCC 12 or Clang 15 and newer; this is ${CMAKE_CXX_COMPILER_ID}.")
endif()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or RelWithDebInfo" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers are cached too: GCC must then say what it read, and ccache must not mind their dates. One
  # checkout finds what another has compiled, and the wheel's build, which runs in Python's locale, what 'make build' has.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime,locale
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()

# Several files of a room are compiled as one, which reads what they include once and makes names in their unnamed namespaces
# one another's neighbours: eight, so that a change compiles few others, and under sanitizers, where what all include takes
# longest, up to forty. For a loop of small changes: -DCMAKE_UNITY_BUILD=OFF.
if(NOT DEFINED CMAKE_UNITY_BUILD)
  set(CMAKE_UNITY_BUILD ON)
endif()
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
if(T6_SANITIZE)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 40)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-subobject-linkage)  # GCC takes a .cc that another includes for a header
endif()
