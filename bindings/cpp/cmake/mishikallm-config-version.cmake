# Which versions a find_package(mishikallm VERSION) may get. The version stands in one place: the installed header.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/mishikallm.h" _mishikallm_lines
    REGEX "^#define MISHIKALLM_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
string(REGEX REPLACE "[^0-9;]" "" _mishikallm_lines "${_mishikallm_lines}")
string(REPLACE ";" "." PACKAGE_VERSION "${_mishikallm_lines}")

# Until 1.0 another second number may break; from then on the first one alone.
if(PACKAGE_VERSION VERSION_LESS 1)
    set(_mishikallm_same "^([0-9]+\\.[0-9]+).*$")
else()
    set(_mishikallm_same "^([0-9]+).*$")
endif()
string(REGEX REPLACE "${_mishikallm_same}" "\\1" _mishikallm_have "${PACKAGE_VERSION}")

set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
if(PACKAGE_FIND_VERSION_RANGE)
    if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN
        AND ((PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE"
                AND PACKAGE_VERSION VERSION_LESS_EQUAL PACKAGE_FIND_VERSION_MAX)
            OR (PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "EXCLUDE"
                AND PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX)))
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
elseif(NOT PACKAGE_FIND_VERSION_COUNT)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
else()
    # "0" asks for any 0.x, as nobody can mean less.
    set(_mishikallm_asked "${PACKAGE_FIND_VERSION}")
    if(PACKAGE_FIND_VERSION_COUNT LESS 2)
        string(REGEX REPLACE "^([0-9]+).*$" "\\1" _mishikallm_have "${PACKAGE_VERSION}")
    else()
        string(REGEX REPLACE "${_mishikallm_same}" "\\1" _mishikallm_asked "${PACKAGE_FIND_VERSION}")
    endif()
    if(_mishikallm_asked VERSION_EQUAL _mishikallm_have AND PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION)
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
    if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
    unset(_mishikallm_asked)
endif()
unset(_mishikallm_lines)
unset(_mishikallm_same)
unset(_mishikallm_have)

# Nothing is known where no language is enabled yet.
if(CMAKE_SIZEOF_VOID_P AND NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(PACKAGE_VERSION "${PACKAGE_VERSION} (64 bit)")
    set(PACKAGE_VERSION_UNSUITABLE TRUE)
endif()
