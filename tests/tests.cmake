# SPDX-License-Identifier: Apache-2.0
# Tests beyond the units, by section.

# --- fences ---
add_test(NAME fences COMMAND ${CMAKE_SOURCE_DIR}/tests/fences.sh)
add_test(NAME fences/self-test COMMAND ${CMAKE_SOURCE_DIR}/tests/fences.sh --self-test)
set_tests_properties(fences/self-test PROPERTIES TIMEOUT 120)

# --- system: real processes, one ctest entry a file of tests/system ---
file(GLOB system_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/*.bats)
foreach(source ${system_tests})
  get_filename_component(test ${source} NAME_WE)
  add_test(NAME system/${test} COMMAND bats --tap ${source})
  set_tests_properties(system/${test} PROPERTIES TIMEOUT 900
    ENVIRONMENT "IU_BIN=${CMAKE_BINARY_DIR}/bin;IU_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endforeach()
