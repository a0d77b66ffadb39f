# Pure things: no files, no clock.
foreach(t text rcpt digest time record)
  sp_unit(test_${t} unit SOURCES test_${t}.c LINKS sp_base)
endforeach()
