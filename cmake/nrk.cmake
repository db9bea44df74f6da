# SPDX-License-Identifier: BSD-2-Clause
# The build vocabulary of nrk: every CMakeLists.txt below is written in these few functions.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
# CMake's own RelWithDebInfo defines NDEBUG; ours keeps the assertions, Release is the type without.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_ASM_FLAGS_RELWITHDEBINFO "-g")
set(CMAKE_ASM_FLAGS_RELEASE "-g")
set(CMAKE_ASM_FLAGS_DEBUG "-g")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)

# Warnings of all our C code.
add_library(nrk_warnings INTERFACE)
target_compile_options(nrk_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes
  $<$<BOOL:${NRK_WERROR}>:-Werror>)

# Warnings and sanitizers shared by all hosted C code.
add_library(nrk_options INTERFACE)
target_link_libraries(nrk_options INTERFACE nrk_warnings)
target_compile_options(nrk_options INTERFACE -fno-omit-frame-pointer)
if(NRK_SANITIZE)
  target_compile_options(nrk_options INTERFACE -fsanitize=${NRK_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(nrk_options INTERFACE -fsanitize=${NRK_SANITIZE})
endif()

# How hosted tests run in this configuration: a command in front of the program (CMake itself puts
# qemu-aarch64 there when cross-compiling), its environment, and the factor by which everything is
# slower.
set(NRK_TEST_LAUNCHER "")
set(NRK_TEST_ENVIRONMENT
  ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
  UBSAN_OPTIONS=print_stacktrace=1
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)
set(NRK_TEST_SLOWDOWN 1)
if(NRK_SANITIZE OR CMAKE_CROSSCOMPILING)
  set(NRK_TEST_SLOWDOWN 5)
endif()
if(NRK_SANITIZE MATCHES thread)
  # ThreadSanitizer of gcc 12 and clang 14 gives up where the kernel randomises more address bits
  # than it knows.
  execute_process(COMMAND setarch --addr-no-randomize true
                  RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
  if(status EQUAL 0)
    set(NRK_TEST_LAUNCHER setarch --addr-no-randomize)
  endif()
endif()

if(NRK_TESTS)
  include(cmocka)
endif()

# nrk_add_test(NAME [TARGET target] [TIMEOUT seconds] [PROCESSORS n] [ARGS word...])
# Registers a hosted program, of the test's name if no other is given, as a test, label `unit`.
# PROCESSORS: how many threads it keeps busy.
function(nrk_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 T "" "TARGET;TIMEOUT;PROCESSORS" "ARGS")
  if(NOT T_TARGET)
    set(T_TARGET ${name})
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  if(NOT T_PROCESSORS)
    set(T_PROCESSORS 1)
  endif()
  math(EXPR T_TIMEOUT "${T_TIMEOUT} * ${NRK_TEST_SLOWDOWN}")
  if(NRK_TEST_LAUNCHER)
    add_test(NAME ${name} COMMAND ${NRK_TEST_LAUNCHER} $<TARGET_FILE:${T_TARGET}>
             ${T_ARGS})
  else()
    # By its target's name, so that CMake puts the emulator in front when cross-compiling.
    add_test(NAME ${name} COMMAND ${T_TARGET} ${T_ARGS})
  endif()
  set_tests_properties(${name} PROPERTIES
                       LABELS unit TIMEOUT ${T_TIMEOUT} PROCESSORS ${T_PROCESSORS}
                       ENVIRONMENT "${NRK_TEST_ENVIRONMENT}")
endfunction()

# nrk_unit_test(NAME SOURCES file... [LIBS target...] [TIMEOUT seconds] [PROCESSORS n] [ARGS
# word...])
# A hosted cmocka program and its test.
function(nrk_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 T "" "TIMEOUT;PROCESSORS" "SOURCES;LIBS;ARGS")
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE nrk_options ${T_LIBS} nrk::cmocka)
  nrk_add_test(${name} TIMEOUT ${T_TIMEOUT} PROCESSORS ${T_PROCESSORS} ARGS ${T_ARGS})
endfunction()
