# The tree and what stands around it: names, hashes, notes, seals, creation.
foreach(t layout merkle merkle_vectors note tree tree_tail cms create)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/test_${t}.c)
    sp_unit(test_${t} unit SOURCES test_${t}.c LINKS sp_archive)
  endif()
endforeach()
