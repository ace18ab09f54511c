# libt6_ops.so in the build folder's root: the operators of the room ops for Python, torch.ops.load_library(PATH).

add_library(t6_ops_library SHARED $<TARGET_OBJECTS:t6_ops>)
target_link_libraries(t6_ops_library PRIVATE t6_kernels t6::torch)
# What it shares with other libraries of the process is Torch's registry alone.
target_link_options(t6_ops_library PRIVATE LINKER:--exclude-libs,ALL)
set_target_properties(t6_ops_library PROPERTIES OUTPUT_NAME t6_ops LINKER_LANGUAGE CXX
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
add_dependencies(programs t6_ops_library)
