# Segments, reading, sealing; and the archive that other tests use too.
add_library(sp_fixture STATIC ${PROJECT_SOURCE_DIR}/tests/lib/fixture.c)
target_link_libraries(sp_fixture PUBLIC sp_flags sp_archive)

sp_unit(test_segment unit SOURCES test_segment.c LINKS sp_archive)
