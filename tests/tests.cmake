# SPDX-License-Identifier: Apache-2.0
# All tests, by section.

if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fno-lto)
endif()

# --- units ---
# tests/unit/NAME_test.c, or NAME-PART_test.c, tests lib/*/NAME.c and links no further right on the ladder than that folder. NAME-next_test.c
# tests a file of lib/store or lib/view as the next version has it.
file(GLOB next_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lib/store/*.c ${CMAKE_SOURCE_DIR}/lib/view/*.c)
add_library(iu_next STATIC ${next_sources})
target_link_libraries(iu_next PRIVATE iu_flags PUBLIC iu_log ${LMDB_LIBRARY})
target_include_directories(iu_next PUBLIC ${CMAKE_SOURCE_DIR}/lib)
target_compile_definitions(iu_next PUBLIC IU_TEST_NEXT=1)
file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*_test.c)
foreach(source ${unit_tests})
  get_filename_component(test ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" part ${test})
  string(REGEX REPLACE "-.*" "" module ${part})
  file(GLOB header ${CMAKE_SOURCE_DIR}/lib/*/${module}.h)
  if(part MATCHES "^web-") # web-NAME_test.c tests daemon/web/NAME.c
    string(REGEX REPLACE "^web-([^-]*).*" "\\1" module ${part})
    file(GLOB header ${CMAKE_SOURCE_DIR}/daemon/web/${module}.h)
  endif()
  if(NOT header)
    message(FATAL_ERROR "${source}: no lib/*/${module}.h or daemon/web/${module}.h to test")
  endif()
  get_filename_component(folder ${header} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  if(part MATCHES "-next$")
    set(folder next)
  endif()
  add_executable(${test} ${source})
  target_link_libraries(${test} PRIVATE iu_flags iu_${folder} ${CMOCKA_LIBRARY} PkgConfig::JANSSON)
  target_include_directories(${test} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${test} PRIVATE IU_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME unit/${part} COMMAND ${test})
  set_tests_properties(unit/${part} PROPERTIES TIMEOUT 300 SKIP_REGULAR_EXPRESSION "SKIPPED-ALL")
endforeach()

# --- fences ---
add_test(NAME fences COMMAND ${CMAKE_SOURCE_DIR}/tests/fences.sh)
add_test(NAME fences/self-test COMMAND ${CMAKE_SOURCE_DIR}/tests/fences.sh --self-test)
set_tests_properties(fences/self-test PROPERTIES TIMEOUT 120)

# --- tidy: clang-tidy's findings, in a build of its own; long, so it starts first ---
if(NOT IU_MODE STREQUAL "asan")
  add_test(NAME tidy COMMAND ${CMAKE_SOURCE_DIR}/tests/tidy)
  add_test(NAME tidy/self-test COMMAND ${CMAKE_SOURCE_DIR}/tests/tidy --self-test)
  set_tests_properties(tidy tidy/self-test PROPERTIES TIMEOUT 1200 COST 1000 RESOURCE_LOCK tidy)
endif()

# --- system: real processes, one ctest entry a file of tests/system ---
file(GLOB system_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/*.bats)
if(IU_MODE STREQUAL "asan") # a sanitizer allocates by itself, and nothing is preloaded into its builds
  list(FILTER system_tests EXCLUDE REGEX "/(allocs|clock|cut-unsynced)\\.bats$")
endif()
if(NOT IU_MODE STREQUAL "release") # only such programs are packaged
  list(FILTER system_tests EXCLUDE REGEX "/package\\.bats$")
endif()
foreach(source ${system_tests})
  get_filename_component(test ${source} NAME_WE)
  add_test(NAME system/${test} COMMAND bats --tap ${source})
  set_tests_properties(system/${test} PROPERTIES TIMEOUT 900
    ENVIRONMENT "IU_BIN=${CMAKE_BINARY_DIR}/bin;IU_SOURCE_DIR=${CMAKE_SOURCE_DIR};IU_MODE=${IU_MODE}")
endforeach()
set_tests_properties(system/crash system/faults PROPERTIES TIMEOUT 3600) # the soak asks for many
if(TEST system/allocs)
  set_tests_properties(system/allocs PROPERTIES TIMEOUT 3600)
endif()

# --- browser: pages in Debian's chromium, one ctest entry a file of tests/browser; its npm packages are installed by tests/run ---
file(GLOB browser_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/browser/*.bats)
foreach(source ${browser_tests})
  get_filename_component(test ${source} NAME_WE)
  add_test(NAME browser/${test} COMMAND bats --tap ${source})
  set_tests_properties(browser/${test} PROPERTIES TIMEOUT 900 RESOURCE_LOCK browser
    ENVIRONMENT "IU_BIN=${CMAKE_BINARY_DIR}/bin;IU_SOURCE_DIR=${CMAKE_SOURCE_DIR};IU_MODE=${IU_MODE}")
endforeach()

# --- fuzz: tests/fuzz/NAME_fuzz.c. IU_MODE=fuzz (clang) links libFuzzer; every other mode replays tests/fuzz/corpus/NAME as a plain test ---
file(GLOB fuzz_targets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.c)
foreach(source ${fuzz_targets})
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" name ${target})
  if(IU_MODE STREQUAL "fuzz")
    add_executable(${target} ${source})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz/${name} COMMAND ${target} -runs=0 ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  else()
    add_executable(${target} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    add_test(NAME fuzz/${name} COMMAND ${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
  target_link_libraries(${target} PRIVATE iu_flags iu_peer iu_admin)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  if(name STREQUAL "config") # the daemon's own file, the one that reads foreign text
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/daemon/node/config.c)
    target_link_libraries(${target} PRIVATE PkgConfig::CONFUSE)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/daemon)
  endif()
  set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 300)
endforeach()

# --- sim: tests/sim/NAME_test.c, scripts on virtual time; IU_SEED chooses one seed, IU_TELL prints the facts ---
file(GLOB sim_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim/*.c)
set(sim_tests ${sim_sources})
list(FILTER sim_sources EXCLUDE REGEX "_test\\.c$")
list(FILTER sim_tests INCLUDE REGEX "_test\\.c$")
add_library(iu_sim STATIC ${sim_sources})
target_link_libraries(iu_sim PUBLIC iu_flags iu_peer ${CMOCKA_LIBRARY})
target_include_directories(iu_sim PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_compile_definitions(iu_sim PRIVATE IU_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
foreach(source ${sim_tests})
  get_filename_component(test ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${test})
  add_executable(sim_${test} ${source})
  target_link_libraries(sim_${test} PRIVATE iu_sim)
  add_test(NAME sim/${name} COMMAND sim_${test})
  set_tests_properties(sim/${name} PROPERTIES TIMEOUT 600)
endforeach()

# --- crash: a real workload is recorded, and every state that a power cut may leave is started and audited. crash_audit does not link lib/store ---
if(NOT IU_MODE STREQUAL "fuzz")
  set(crash ${CMAKE_SOURCE_DIR}/tests/crash)
  add_library(crash_record MODULE ${crash}/record.c)
  target_compile_options(crash_record PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(crash_record PRIVATE ${CMAKE_DL_LIBS} Threads::Threads)
  set_target_properties(crash_record PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
  add_library(crash_fail MODULE ${crash}/fail.c)
  target_compile_options(crash_fail PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(crash_fail PRIVATE ${CMAKE_DL_LIBS})
  set_target_properties(crash_fail PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
  add_executable(crash_enum ${crash}/enum.c ${crash}/image.c ${crash}/tape.c ${crash}/worker.c)
  target_link_libraries(crash_enum PRIVATE iu_flags iu_base)
  add_executable(crash_audit ${crash}/audit.c ${crash}/audit_log.c ${crash}/tape.c)
  target_link_libraries(crash_audit PRIVATE iu_flags iu_log ${LMDB_LIBRARY})
  set(crash_node ${node_sources})
  list(FILTER crash_node EXCLUDE REGEX "/main\\.c$")
  add_executable(crash_open ${crash}/open.c ${crash_node})
  target_link_libraries(crash_open PRIVATE iu_flags iu_peer iu_admin PkgConfig::UV PkgConfig::SSL PkgConfig::CONFUSE Threads::Threads)
  target_include_directories(crash_open PRIVATE ${CMAKE_SOURCE_DIR}/daemon)
  file(GLOB crash_next CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lib/peer/*.c ${CMAKE_SOURCE_DIR}/lib/admin/*.c)
  add_executable(crash_open_next ${crash}/open.c ${crash_node} ${crash_next}) # as the next version has it: it upgrades
  target_link_libraries(crash_open_next PRIVATE iu_flags iu_next iu_pb_sync iu_pb_admin PkgConfig::UV PkgConfig::SSL PkgConfig::CONFUSE
    Threads::Threads)
  target_include_directories(crash_open_next PRIVATE ${CMAKE_SOURCE_DIR}/daemon)
  foreach(target crash_record crash_fail crash_enum crash_audit)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  endforeach()
  foreach(test crash_enum crash_enum/without-fdatasync)
    add_test(NAME ${test} COMMAND ${crash}/run ${test})
    set_tests_properties(${test} PROPERTIES TIMEOUT 15000 COST 500 # tests/crash/run has the real bound
      ENVIRONMENT "IU_BIN=${CMAKE_BINARY_DIR}/bin;IU_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
  endforeach()
endif()
