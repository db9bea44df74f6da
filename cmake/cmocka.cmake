# SPDX-License-Identifier: BSD-2-Clause
# Defines the target nrk::cmocka, the unit-test library of Debian. For a foreign architecture the
# package is fetched from the archive that apt is set up for and unpacked below build/: the host
# stays as it is.

if(CMAKE_CROSSCOMPILING AND NRK_DEBIAN_ARCHITECTURE)
  set(NRK_FOREIGN_ROOT ${CMAKE_SOURCE_DIR}/build/debian/${NRK_DEBIAN_ARCHITECTURE}/root)
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/tools/debian-unpack ${NRK_DEBIAN_ARCHITECTURE}
            libcmocka0 libcmocka-dev
    COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND CMAKE_FIND_ROOT_PATH ${NRK_FOREIGN_ROOT})
endif()

find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
  message(FATAL_ERROR
    "cmocka is missing: install Debian's libcmocka-dev, or configure with -DNRK_TESTS=OFF")
endif()
add_library(nrk::cmocka UNKNOWN IMPORTED)
set_target_properties(nrk::cmocka PROPERTIES IMPORTED_LOCATION ${CMOCKA_LIBRARY})
if(CMAKE_CROSSCOMPILING)
  target_include_directories(nrk::cmocka INTERFACE ${CMOCKA_INCLUDE_DIR})
endif()
