# Which version this is, and which wishes it fulfils: as the SONAME does, before 1.0 those of its
# minor version, from then on those of its major version, up to its own. The header says which.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/fitbit.h" _fitbit_version
    REGEX "^#define FITBIT_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE "[^0-9;]" "" _fitbit_version "${_fitbit_version}")
string(REPLACE ";" "." PACKAGE_VERSION "${_fitbit_version}")

string(REGEX MATCH "^(0\\.[0-9]+|[0-9]+)" _fitbit_own "${PACKAGE_VERSION}")
if(PACKAGE_FIND_VERSION_MAJOR EQUAL 0)
    set(_fitbit_wanted "0.${PACKAGE_FIND_VERSION_MINOR}")
else()
    set(_fitbit_wanted "${PACKAGE_FIND_VERSION_MAJOR}")
endif()
if(_fitbit_wanted STREQUAL _fitbit_own AND NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
endif()
