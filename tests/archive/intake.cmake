set(d ${CMAKE_CURRENT_LIST_DIR})
sp_unit(test_intake unit SOURCES ${d}/test_intake.c ${d}/intake_kit.c LINKS sp_archive)
sp_unit(test_intake_recover unit SOURCES ${d}/test_intake_recover.c ${d}/intake_kit.c
  LINKS sp_archive)
