# sp_room(NAME SOURCES f.c ... LINKS targets ...): the static library of a
# folder.  It links only what the design lets that folder use.  A source that
# is missing is an error of CMake.
function(sp_room name)
  cmake_parse_arguments(R "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${R_SOURCES})
  target_link_libraries(${name} PUBLIC sp_flags ${R_LINKS})
endfunction()

# sp_unit(NAME LABEL SOURCES ... LINKS ...): a cmocka program and its ctest.
# It computes, so it takes a core: two of the places of tests/run.  A TIMEOUT
# ends what hangs; no test passes or fails by the time it takes.
function(sp_unit name label)
  cmake_parse_arguments(R "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${R_SOURCES})
  target_link_libraries(${name} PRIVATE sp_flags ${R_LINKS} PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 600
    PROCESSORS 2)
endfunction()

# sp_fuzz(NAME LINKS ...): tests/fuzz/NAME.c with its corpus folder
# tests/fuzz/corpus/NAME; without libFuzzer a replay driver and a ctest.
function(sp_fuzz name)
  cmake_parse_arguments(R "" "" "LINKS" ${ARGN})
  if(SP_LIBFUZZER)
    add_executable(${name} ${name}.c)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${name}.c replay.c)
    add_test(NAME ${name} COMMAND ${name} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz-replay TIMEOUT 120)
  endif()
  target_link_libraries(${name} PRIVATE sp_flags ${R_LINKS})
endfunction()
