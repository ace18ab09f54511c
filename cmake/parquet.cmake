# Arrow's library of Parquet, for what reads documents: AUTO takes it where it is found, ON insists, OFF does without.
# `make setup PARQUET=ON` unpacks the wheel that carries libraries and headers; a system's own library is taken, too.

set(T6_PARQUET AUTO CACHE STRING "Read Parquet files (needs Arrow 15 or newer): AUTO, ON or OFF")
set_property(CACHE T6_PARQUET PROPERTY STRINGS AUTO ON OFF)

set(T6_PARQUET_FOUND FALSE)
if(T6_PARQUET)
  set(wheel ${PROJECT_SOURCE_DIR}/.packages/pyarrow-26.0.1/pyarrow)
  find_path(T6_PARQUET_INCLUDE parquet/column_reader.h HINTS ${wheel}/include)
  # In the wheel the libraries' names end with their version, and nothing links to them without it.
  file(GLOB names RELATIVE "${wheel}" ${wheel}/libparquet.so.* ${wheel}/libarrow.so.*)
  list(FILTER names INCLUDE REGEX "^lib(parquet|arrow)\\.so\\.[0-9]+$")
  set(parquet_names ${names})
  set(arrow_names ${names})
  list(FILTER parquet_names INCLUDE REGEX parquet)
  list(FILTER arrow_names INCLUDE REGEX arrow)
  find_library(T6_PARQUET_LIBRARY NAMES ${parquet_names} parquet HINTS ${wheel})
  find_library(T6_ARROW_LIBRARY NAMES ${arrow_names} arrow HINTS ${wheel})
  if(T6_PARQUET_INCLUDE AND T6_PARQUET_LIBRARY AND T6_ARROW_LIBRARY)
    set(T6_PARQUET_FOUND TRUE)
  elseif(NOT T6_PARQUET STREQUAL "AUTO")
    message(FATAL_ERROR "T6_PARQUET is ${T6_PARQUET} and there is no libparquet with headers. Run 'make setup PARQUET=ON', "
                        "which fetches it, or give the prefix of Apache Arrow with -DCMAKE_PREFIX_PATH=DIR, or leave it "
                        "out with -DT6_PARQUET=OFF.")
  endif()
endif()

# t6_parquet(TARGET): adds what reads Parquet to a room, or what says that it is not there.
function(t6_parquet target)
  set(folder ${PROJECT_SOURCE_DIR}/src/t6/text/parquet)
  if(NOT T6_PARQUET_FOUND)
    message(STATUS "Parquet: not read (T6_PARQUET is ${T6_PARQUET})")
    target_sources(${target} PRIVATE ${folder}/without.cc)
    return()
  endif()
  message(STATUS "Parquet: ${T6_PARQUET_LIBRARY}")
  target_sources(${target} PRIVATE ${folder}/column_source.cc)
  # For that file alone, as a system's header, whose warnings are its own.
  set_source_files_properties(${folder}/column_source.cc PROPERTIES COMPILE_OPTIONS "-isystem;${T6_PARQUET_INCLUDE}")
  target_link_libraries(${target} PRIVATE ${T6_PARQUET_LIBRARY} ${T6_ARROW_LIBRARY})
endfunction()
