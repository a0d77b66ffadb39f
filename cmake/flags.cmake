# For clang-tidy (tests/lint/tidy.sh).
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

# One interface target carries the flags of every target of ours.
add_library(sp_flags INTERFACE)
target_include_directories(sp_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(sp_flags INTERFACE
  _GNU_SOURCE SP_VERSION="${PROJECT_VERSION}"
  $<$<BOOL:${SP_FAULTS}>:SP_FAULTS>)
target_compile_options(sp_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings
  -Wformat=2 -Wundef -Wvla -Wswitch-enum -Wnull-dereference
  $<$<BOOL:${SP_WERROR}>:-Werror>
  -fstack-protector-strong -fno-common)
target_link_options(sp_flags INTERFACE -Wl,-z,relro,-z,now,--as-needed)
# Hardening that needs an optimiser, in every build type that has one.
if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$" AND
    NOT SP_SANITIZE AND NOT SP_LIBFUZZER)
  target_compile_options(sp_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fPIE)
  target_link_options(sp_flags INTERFACE -pie)
endif()
if(SP_COVERAGE)
  target_compile_options(sp_flags INTERFACE --coverage -fprofile-abs-path)
  target_link_options(sp_flags INTERFACE --coverage)
endif()
if(SP_SANITIZE)
  target_compile_options(sp_flags INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sp_flags INTERFACE -fsanitize=address,undefined)
endif()
if(SP_LIBFUZZER)
  target_compile_options(sp_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sp_flags INTERFACE -fsanitize=address,undefined)
endif()
