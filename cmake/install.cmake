# What `cmake --install` puts under its prefix: the programs, the libraries of the foundation and of the serving wing with
# their doors, and the package that find_package(t6) reads. It builds nothing: the target `programs` makes all of it.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The room grammar is left out: it would bring xgrammar's library and headers along; compare is the program's own.
set(T6_INSTALLED_ROOMS core numbers kernels formats text tasks labelled model import infer eval report)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/t6)

# Each room is t6::ROOM, and t6::t6 all of them.
add_library(t6_all_rooms INTERFACE)
set_target_properties(t6_all_rooms PROPERTIES EXPORT_NAME t6)
foreach(room ${T6_INSTALLED_ROOMS})
  set_target_properties(t6_${room} PROPERTIES EXPORT_NAME ${room})
  target_link_libraries(t6_all_rooms INTERFACE t6_${room})
  add_dependencies(programs t6_${room})
  install(TARGETS t6_${room} EXPORT t6 DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
install(TARGETS t6_all_rooms EXPORT t6)
install(EXPORT t6 FILE t6Targets.cmake NAMESPACE t6:: DESTINATION ${package})

# While the version is below 1, a minor version may change what programs are written against.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/t6ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_package_config_file(cmake/t6Config.cmake.in ${PROJECT_BINARY_DIR}/t6Config.cmake INSTALL_DESTINATION ${package})
install(FILES ${PROJECT_BINARY_DIR}/t6Config.cmake ${PROJECT_BINARY_DIR}/t6ConfigVersion.cmake DESTINATION ${package})

install(CODE "set(T6_HEADERS ${PROJECT_SOURCE_DIR}/src)
set(T6_ROOMS ${T6_INSTALLED_ROOMS})
set(T6_INCLUDE ${CMAKE_INSTALL_INCLUDEDIR})")
install(SCRIPT cmake/install_headers.cmake)

# Libraries outside the system's folders stay where they were when these were linked.
if(T6_PARQUET_FOUND)
  cmake_path(GET T6_PARQUET_LIBRARY PARENT_PATH parquet_folder)
  set_target_properties(t6 PROPERTIES INSTALL_RPATH ${parquet_folder})
endif()
install(TARGETS t6)
if(T6_TRAINING)
  set_target_properties(t6-train t6_ops_library PROPERTIES INSTALL_RPATH "${TORCH_INSTALL_PREFIX}/lib;${parquet_folder}")
  install(TARGETS t6-train t6_ops_library OPTIONAL)
  install(TARGETS t6-train RUNTIME DESTINATION t6/bin COMPONENT wheel EXCLUDE_FROM_ALL OPTIONAL)
endif()

install(FILES LICENSE README.md CHANGELOG.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
