# find_package(Fitbit) defines Fitbit::fitbit, the shared library, and Fitbit::fitbit_static.
#
# This file is installed as it is, in <prefix>/share/fitbit/cmake, and finds everything from there,
# so a prefix can be moved. What the static library needs is read from fitbit.pc, where it was
# written when the library was built.

get_filename_component(_fitbit_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
foreach(_fitbit_folder IN ITEMS "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib64 lib)
    set(_fitbit_libraries "${_fitbit_prefix}/${_fitbit_folder}")
    if(EXISTS "${_fitbit_libraries}/pkgconfig/fitbit.pc")
        break()
    endif()
endforeach()
set(_fitbit_shared
    "${_fitbit_libraries}/${CMAKE_SHARED_LIBRARY_PREFIX}fitbit${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(_fitbit_static
    "${_fitbit_libraries}/${CMAKE_STATIC_LIBRARY_PREFIX}fitbit${CMAKE_STATIC_LIBRARY_SUFFIX}")

if(EXISTS "${_fitbit_shared}" AND NOT TARGET Fitbit::fitbit)
    add_library(Fitbit::fitbit SHARED IMPORTED)
    set_target_properties(Fitbit::fitbit PROPERTIES
        IMPORTED_LOCATION "${_fitbit_shared}"
        INTERFACE_INCLUDE_DIRECTORIES "${_fitbit_prefix}/include")
endif()

if(EXISTS "${_fitbit_static}" AND EXISTS "${_fitbit_libraries}/pkgconfig/fitbit.pc"
        AND NOT TARGET Fitbit::fitbit_static)
    file(STRINGS "${_fitbit_libraries}/pkgconfig/fitbit.pc" _fitbit_needed REGEX "^Libs.private:")
    string(REPLACE "Libs.private:" "" _fitbit_needed "${_fitbit_needed}")
    separate_arguments(_fitbit_needed UNIX_COMMAND "${_fitbit_needed}")
    add_library(Fitbit::fitbit_static STATIC IMPORTED)
    set_target_properties(Fitbit::fitbit_static PROPERTIES
        IMPORTED_LOCATION "${_fitbit_static}"
        INTERFACE_INCLUDE_DIRECTORIES "${_fitbit_prefix}/include"
        INTERFACE_LINK_LIBRARIES "${_fitbit_needed}")
endif()

if(NOT TARGET Fitbit::fitbit AND NOT TARGET Fitbit::fitbit_static)
    set(Fitbit_FOUND FALSE)
    set(Fitbit_NOT_FOUND_MESSAGE "There is no library in ${_fitbit_prefix}/lib.")
endif()
