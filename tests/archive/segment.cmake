# Segments, reading, sealing; and the archive that other tests use too.
add_library(sp_fixture STATIC ${PROJECT_SOURCE_DIR}/tests/lib/fixture.c)
target_link_libraries(sp_fixture PUBLIC sp_flags sp_archive)

foreach(t segment segment_damage)
  sp_unit(test_${t} unit SOURCES test_${t}.c segment_kit.c LINKS sp_archive)
endforeach()

add_executable(segment_stock segment_stock.c)
target_link_libraries(segment_stock PRIVATE sp_fixture)
add_test(NAME segment_stock COMMAND
  ${CMAKE_CURRENT_SOURCE_DIR}/segment_stock.sh $<TARGET_FILE:segment_stock>)
set_tests_properties(segment_stock PROPERTIES LABELS unit TIMEOUT 120
  SKIP_RETURN_CODE 77)

add_executable(bench_segment ${PROJECT_SOURCE_DIR}/bench/bench_segment.c)
target_link_libraries(bench_segment PRIVATE sp_flags sp_archive)

foreach(t seal seal_damage rebuild)
  sp_unit(test_${t} unit SOURCES test_${t}.c seal_kit.c LINKS sp_fixture)
endforeach()

if(SP_FAULTS)
  add_executable(crash_pack ${PROJECT_SOURCE_DIR}/tests/crash/crash_pack.c)
  target_link_libraries(crash_pack PRIVATE sp_crash sp_archive)
  add_test(NAME crash_pack COMMAND crash_pack)
  set_tests_properties(crash_pack PROPERTIES LABELS crash TIMEOUT 300)
endif()
