# SPDX-License-Identifier: BSD-2-Clause
# Tests that only the default build has: the checks of the sources, and the builds of the other
# configurations with their unit tests and some boots. Each is one call of the launcher, so that a
# developer can run the same thing alone.
cmake_host_system_information(RESULT NRK_CPUS QUERY NUMBER_OF_LOGICAL_CORES)

# nrk_matrix_test(NAME LABEL label TIMEOUT seconds PROCESSORS n COMMAND word...)
function(nrk_matrix_test name)
  cmake_parse_arguments(PARSE_ARGV 1 T "" "LABEL;TIMEOUT;PROCESSORS" "COMMAND")
  add_test(NAME ${name} COMMAND ${T_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "unit;${T_LABEL}" TIMEOUT ${T_TIMEOUT}
                       PROCESSORS ${T_PROCESSORS})
endfunction()

# A configuration keeps all CPUs busy, so it has them all to itself.
foreach(config clang release asan tsan aarch64)
  nrk_matrix_test(build_${config} LABEL build TIMEOUT 3600 PROCESSORS ${NRK_CPUS}
                  COMMAND ${CMAKE_SOURCE_DIR}/nrk test --config ${config} unit)
endforeach()

# The kernel image of the other compiler, and the one without checks: it boots, finds memory, reports
# faults with names, starts cores that share state, and can be debugged.
set(boots "s00_exit|s01_alloc|s01_pfault|s01_double_fault|s02_coreboot_nrlog|s02_gdb")
foreach(config clang release)
  add_test(NAME boot_${config} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
           COMMAND ${CMAKE_SOURCE_DIR}/nrk test --config ${config} -j 1 -R "^(${boots})$")
  set_tests_properties(boot_${config} PROPERTIES LABELS "guest;build" TIMEOUT 3600
                       PROCESSORS ${NRK_CPUS} DEPENDS build_${config})
endforeach()

file(GLOB checks CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/tools/nrk/checks
     ${CMAKE_SOURCE_DIR}/tools/nrk/checks/*.py)
list(FILTER checks EXCLUDE REGEX "^__init__")
foreach(file ${checks})
  cmake_path(GET file STEM check)
  # Those that run a compiler on every file keep all CPUs busy.
  set(processors 1)
  if(check MATCHES "^(tidy|headers|freestanding)$")
    set(processors ${NRK_CPUS})
  endif()
  nrk_matrix_test(lint_${check} LABEL lint TIMEOUT 3600 PROCESSORS ${processors}
                  COMMAND ${CMAKE_SOURCE_DIR}/nrk lint ${check})
endforeach()
# They build the same trees.
set_tests_properties(build_clang boot_clang lint_tidy PROPERTIES RESOURCE_LOCK build/clang)
set_tests_properties(build_release boot_release PROPERTIES RESOURCE_LOCK build/release)

add_subdirectory(${CMAKE_SOURCE_DIR}/tests/unit/launcher)
