# find_package(mishikallm [VERSION] [COMPONENTS shared static])
#
#   mishikallm::mishikallm  the shared library, or the static one where only that is installed
#   mishikallm::static      the static library and what it needs
#
# Without COMPONENTS either library will do. The headers are in both targets: mishikallm.h for C, mishikallm.hpp for
# C++17. Paths are found from where this file lies, so that an installed tree may be moved.

get_filename_component(_mishikallm_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

# The folder of libraries has another name on each system; the one beside this file is meant, and no other.
set(_mishikallm_folders "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib lib64)
foreach(_mishikallm_folder IN LISTS _mishikallm_folders)
    foreach(_mishikallm_kind so a)
        set(_mishikallm_file "${_mishikallm_prefix}/${_mishikallm_folder}/libmishikallm.${_mishikallm_kind}")
        if(NOT DEFINED _mishikallm_${_mishikallm_kind} AND EXISTS "${_mishikallm_file}")
            set(_mishikallm_${_mishikallm_kind} "${_mishikallm_file}")
        endif()
    endforeach()
endforeach()

if(DEFINED _mishikallm_so AND NOT TARGET mishikallm::mishikallm)
    # The file itself, and the name under which a program will ask for it.
    get_filename_component(_mishikallm_real "${_mishikallm_so}" REALPATH)
    string(REGEX REPLACE "^.*/(libmishikallm\\.so\\.[0-9]+)\\..*$" "\\1" _mishikallm_soname "${_mishikallm_real}")
    add_library(mishikallm::mishikallm SHARED IMPORTED)
    set_target_properties(mishikallm::mishikallm PROPERTIES
        IMPORTED_LOCATION "${_mishikallm_real}"
        IMPORTED_SONAME "${_mishikallm_soname}"
        INTERFACE_INCLUDE_DIRECTORIES "${_mishikallm_prefix}/include")
endif()

if(DEFINED _mishikallm_a AND NOT TARGET mishikallm::static)
    add_library(mishikallm::static STATIC IMPORTED)
    set_target_properties(mishikallm::static PROPERTIES
        IMPORTED_LOCATION "${_mishikallm_a}"
        INTERFACE_INCLUDE_DIRECTORIES "${_mishikallm_prefix}/include"
        INTERFACE_LINK_LIBRARIES "-lpthread;${CMAKE_DL_LIBS};-lm")
endif()

if(TARGET mishikallm::static AND NOT TARGET mishikallm::mishikallm)
    add_library(mishikallm::mishikallm INTERFACE IMPORTED)
    set_target_properties(mishikallm::mishikallm PROPERTIES INTERFACE_LINK_LIBRARIES mishikallm::static)
endif()

# What find_package(… REQUIRED) asks for, and says where it is missing.
set(mishikallm_shared_FOUND FALSE)
set(mishikallm_static_FOUND FALSE)
if(DEFINED _mishikallm_so)
    set(mishikallm_shared_FOUND TRUE)
endif()
if(DEFINED _mishikallm_a)
    set(mishikallm_static_FOUND TRUE)
endif()
foreach(_mishikallm_component IN LISTS mishikallm_FIND_COMPONENTS)
    if(mishikallm_FIND_REQUIRED_${_mishikallm_component} AND NOT mishikallm_${_mishikallm_component}_FOUND)
        set(mishikallm_FOUND FALSE)
        set(mishikallm_NOT_FOUND_MESSAGE
            "no component \"${_mishikallm_component}\" in ${_mishikallm_prefix}; there are shared and static, where installed")
    endif()
endforeach()
if(NOT DEFINED _mishikallm_so AND NOT DEFINED _mishikallm_a)
    set(mishikallm_FOUND FALSE)
    set(mishikallm_NOT_FOUND_MESSAGE "no libmishikallm.so or .a in ${_mishikallm_prefix} under: ${_mishikallm_folders}")
endif()

foreach(_mishikallm_name prefix folders folder kind file so a real soname component)
    unset(_mishikallm_${_mishikallm_name})
endforeach()
unset(_mishikallm_name)
