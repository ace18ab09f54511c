# python/t6/ in the build folder: links to the package's files, beside which what is compiled for it lies, so that
# PYTHONPATH=BUILD/python has the whole package.

include_guard()
set(T6_PYTHON_PACKAGE ${PROJECT_BINARY_DIR}/python/t6)
file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/t6/*)
file(MAKE_DIRECTORY ${T6_PYTHON_PACKAGE})
foreach(file ${files})
  cmake_path(GET file FILENAME name)
  if(NOT name STREQUAL "__pycache__")
    file(CREATE_LINK ${file} ${T6_PYTHON_PACKAGE}/${name} SYMBOLIC)
  endif()
endforeach()
