# SPDX-License-Identifier: BSD-2-Clause
# libnr as it is installed: libnr.a, libnr.so.0, headers, libnr.pc, manual page, API reference.
#
# The static library is one object that defines nothing but nr_* to the outside - a program may have an
# hmap_get of its own - and beside it the Linux port, which a program with its own nr_port_* does not pull in.

# Where the soname ends: the typed interface compiles struct layouts into programs, so until 1.0 every
# change of <nr/engine.h> or of a public struct raises it.
set(NR_SOVERSION 0)

set(nr_object ${CMAKE_CURRENT_BINARY_DIR}/libnr.o)
add_custom_command(OUTPUT ${nr_object}
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${nr_object}
          $<TARGET_OBJECTS:nr_core> $<TARGET_OBJECTS:nr_structs> $<TARGET_FILE:base>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${nr_object}
  DEPENDS base $<TARGET_OBJECTS:nr_core> $<TARGET_OBJECTS:nr_structs>
  COMMENT "Linking libnr.o" COMMAND_EXPAND_LISTS VERBATIM)

add_library(nr_static STATIC port_linux.c ${nr_object})
add_library(nr_shared SHARED port_linux.c)
target_link_libraries(nr_shared PRIVATE nr_core nr_structs base)
target_link_options(nr_shared PRIVATE
  LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/nr.map LINKER:--no-undefined-version)
set_target_properties(nr_shared PROPERTIES
  VERSION ${NR_SOVERSION}.${PROJECT_VERSION_MINOR}.${PROJECT_VERSION_PATCH} SOVERSION ${NR_SOVERSION}
  LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/nr.map)
foreach(target nr_static nr_shared)
  target_include_directories(${target} PRIVATE include)
  target_link_libraries(${target} PRIVATE nrk_options)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME nr
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/dist
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/dist)
endforeach()

# What <nr/...> promises, as a manual page and as a page of the book: written from the headers' comments.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB nr_headers CONFIGURE_DEPENDS include/nr/*.h)
set(nr_reference ${CMAKE_CURRENT_BINARY_DIR}/libnr.3 ${CMAKE_CURRENT_BINARY_DIR}/libnr-api.md)
add_custom_command(OUTPUT ${nr_reference}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/apidoc.py --version ${PROJECT_VERSION}
          --man ${CMAKE_CURRENT_BINARY_DIR}/libnr.3 --markdown ${CMAKE_CURRENT_BINARY_DIR}/libnr-api.md
          ${CMAKE_CURRENT_SOURCE_DIR}/include/nr
  DEPENDS ${nr_headers} ${CMAKE_SOURCE_DIR}/tools/apidoc.py
  COMMENT "Writing the reference of libnr" VERBATIM)
add_custom_target(nr_reference ALL DEPENDS ${nr_reference})

# The prefix relative to libnr.pc, so that an installed tree can be moved.
file(RELATIVE_PATH NR_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(libnr.pc.in libnr.pc @ONLY)
install(TARGETS nr_static nr_shared COMPONENT libnr
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/nr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libnr)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libnr.pc COMPONENT libnr
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libnr.3 COMPONENT libnr DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libnr-api.md ${CMAKE_SOURCE_DIR}/docs/libnr.md
              ${CMAKE_SOURCE_DIR}/docs/libnr-internals.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT libnr)
