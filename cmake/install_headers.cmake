# Installs the doors of the rooms in T6_ROOMS (headers at a room's root) and what those include, below T6_HEADERS, into the
# prefix's folder T6_INCLUDE.

cmake_minimum_required(VERSION 3.25)

set(waiting "")
foreach(room ${T6_ROOMS})
  file(GLOB doors RELATIVE ${T6_HEADERS} ${T6_HEADERS}/t6/${room}/*.h)
  list(APPEND waiting ${doors})
endforeach()

set(done "")
while(waiting)
  list(POP_FRONT waiting header)
  if(header IN_LIST done)
    continue()
  endif()
  list(APPEND done ${header})
  file(STRINGS ${T6_HEADERS}/${header} lines REGEX "^#include \"t6/")
  list(TRANSFORM lines REPLACE "^#include \"([^\"]+)\".*" "\\1")
  list(APPEND waiting ${lines})
  get_filename_component(folder ${header} DIRECTORY)
  file(INSTALL ${T6_HEADERS}/${header} DESTINATION ${CMAKE_INSTALL_PREFIX}/${T6_INCLUDE}/${folder})
endwhile()
