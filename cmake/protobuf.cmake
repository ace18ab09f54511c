# TensorBoard's event files as the library t6_events, apart from the room that uses it: LibTorch's include folder holds the
# headers of an older protobuf, so this is the one place that sees Debian's and it must not see Torch's.

find_package(Protobuf 3.12 REQUIRED)

set(PROTOBUF_SOURCE ${PROJECT_SOURCE_DIR}/src/t6/train/events/events.proto)
set(PROTOBUF_OUTPUT ${PROJECT_BINARY_DIR}/generated/events)
file(MAKE_DIRECTORY ${PROTOBUF_OUTPUT})
add_custom_command(
  OUTPUT ${PROTOBUF_OUTPUT}/events.pb.cc ${PROTOBUF_OUTPUT}/events.pb.h
  COMMAND protobuf::protoc --cpp_out=${PROTOBUF_OUTPUT} -I ${PROJECT_SOURCE_DIR}/src/t6/train/events ${PROTOBUF_SOURCE}
  DEPENDS ${PROTOBUF_SOURCE}
  VERBATIM)

add_library(t6_events STATIC ${PROJECT_SOURCE_DIR}/src/t6/train/events/event_file.cc ${PROTOBUF_OUTPUT}/events.pb.cc)
t6_target_options(t6_events)
# Generated code is not ours to warn about.
set_source_files_properties(${PROTOBUF_OUTPUT}/events.pb.cc PROPERTIES COMPILE_OPTIONS "-w")
target_include_directories(t6_events SYSTEM PRIVATE ${PROTOBUF_OUTPUT})
target_link_libraries(t6_events PUBLIC t6_core PRIVATE protobuf::libprotobuf-lite)
