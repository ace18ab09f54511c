# libt6_ops.so in the build folder's root: the operators of the room ops for Python, torch.ops.load_library(PATH), and for
# t6.ops in the package under the name that says which Torch they are for.

add_library(t6_ops_library SHARED $<TARGET_OBJECTS:t6_ops>)
target_link_libraries(t6_ops_library PRIVATE t6_kernels t6::torch)
# What it shares with other libraries of the process is Torch's registry alone.
target_link_options(t6_ops_library PRIVATE LINKER:--exclude-libs,ALL)
set_target_properties(t6_ops_library PROPERTIES OUTPUT_NAME t6_ops LINKER_LANGUAGE CXX
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
add_dependencies(programs t6_ops_library)

include(cmake/python_package.cmake)
string(REGEX MATCH "^[0-9]+\\.[0-9]+" torch_minor ${Torch_VERSION})
set(name _ops-torch${torch_minor}.so)
add_custom_command(TARGET t6_ops_library POST_BUILD COMMAND
                   ${CMAKE_COMMAND} -E create_symlink $<TARGET_FILE:t6_ops_library> ${T6_PYTHON_PACKAGE}/${name})
# What a wheel with operators holds beside the rest (scripts/wheel.sh).
install(FILES $<TARGET_FILE:t6_ops_library> RENAME ${name} DESTINATION t6 COMPONENT wheel EXCLUDE_FROM_ALL
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
