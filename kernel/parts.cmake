# SPDX-License-Identifier: BSD-2-Clause
# The machine-independent parts of the kernel: INTERFACE libraries that carry sources, to be compiled
# with the flags of whoever links them. `kernel_parts` names them all.

option(NRK_CHECKED "Let the kernel check itself: poisoned memory, owners of frames, injected failures" ON)

add_library(kernel_headers INTERFACE)
target_include_directories(kernel_headers INTERFACE ${CMAKE_CURRENT_LIST_DIR}/include
                           ${CMAKE_SOURCE_DIR}/lib/base/include)

set(kernel_parts)
foreach(part error cmdline log memory acpi gdb fs process)
  add_library(kernel_${part} INTERFACE)
  target_link_libraries(kernel_${part} INTERFACE kernel_headers)
  add_subdirectory(${part})
  list(APPEND kernel_parts kernel_${part})
endforeach()

# They need neither libc nor vector registers.
add_library(kernel_freestanding OBJECT)
target_link_libraries(kernel_freestanding PRIVATE nrk_warnings ${kernel_parts})
target_compile_options(kernel_freestanding PRIVATE -ffreestanding -mgeneral-regs-only -fPIE
  $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-mno-red-zone>)
target_compile_definitions(kernel_freestanding PRIVATE NRK_CHECKED=$<BOOL:${NRK_CHECKED}>)

add_subdirectory(arch/hosted)
