# xgrammar's C++ core, what grammar/ is built on, as the target t6::xgrammar. scripts/setup.sh unpacks its sources.

set(T6_XGRAMMAR ${PROJECT_SOURCE_DIR}/.packages/xgrammar-0.2.8 CACHE PATH "The unpacked sources of xgrammar 0.2.8")
if(NOT EXISTS ${T6_XGRAMMAR}/include/xgrammar/compiler.h)
  message(FATAL_ERROR "${T6_XGRAMMAR} holds no xgrammar. Run 'make setup', which fetches it, or unpack PyPI's source "
                      "distribution of xgrammar 0.2.8 and give its folder with -DT6_XGRAMMAR=DIR.")
endif()

# Its own build knows more than is needed here: bindings for Python, link-time optimization, warnings as errors.
file(GLOB_RECURSE sources ${T6_XGRAMMAR}/cpp/*.cc)
list(FILTER sources EXCLUDE REGEX "/(tvm_ffi|nanobind)/")
add_library(t6_xgrammar STATIC ${sources})
add_library(t6::xgrammar ALIAS t6_xgrammar)
set_target_properties(t6_xgrammar PROPERTIES CXX_STANDARD 17 UNITY_BUILD_BATCH_SIZE 8)
target_include_directories(t6_xgrammar SYSTEM PUBLIC ${T6_XGRAMMAR}/include ${T6_XGRAMMAR}/3rdparty/dlpack/include
                                              PRIVATE ${T6_XGRAMMAR}/3rdparty/picojson)
target_compile_options(t6_xgrammar PRIVATE -w)
# What it logs goes to functions of grammar/compile/messages.cc, so that a warning can be an error.
target_compile_definitions(t6_xgrammar PRIVATE XGRAMMAR_LOG_CUSTOMIZE=1 XGRAMMAR_ENABLE_CPPTRACE=0
                                               XGRAMMAR_ENABLE_INTERNAL_CHECK=0)
target_link_libraries(t6_xgrammar PUBLIC Threads::Threads)
if(T6_SANITIZE)  # its own undefined behaviour is not ours to find, and costs half of its compilation
  target_compile_options(t6_xgrammar PRIVATE -fsanitize=${T6_SANITIZE} -fno-sanitize=undefined -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
endif()
