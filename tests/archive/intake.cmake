set(d ${CMAKE_CURRENT_LIST_DIR})
sp_unit(test_intake unit SOURCES ${d}/test_intake.c ${d}/intake_kit.c LINKS sp_archive)
sp_unit(test_intake_limits unit SOURCES ${d}/test_intake_limits.c ${d}/intake_kit.c
  LINKS sp_archive)
sp_unit(test_intake_recover unit SOURCES ${d}/test_intake_recover.c ${d}/intake_kit.c
  LINKS sp_archive)
if(SP_FAULTS)
  sp_unit(test_intake_fault unit SOURCES ${d}/test_intake_fault.c ${d}/intake_kit.c
    LINKS sp_archive)
endif()
add_executable(bench_intake ${PROJECT_SOURCE_DIR}/bench/bench_intake.c)
target_link_libraries(bench_intake PRIVATE sp_flags sp_archive)
if(SP_FAULTS)
  sp_unit(test_append unit SOURCES ${d}/test_append.c ${d}/append_kit.c LINKS sp_archive)
  sp_unit(test_guard unit SOURCES ${d}/test_guard.c ${d}/append_kit.c LINKS sp_archive)
endif()
